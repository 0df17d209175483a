#include "common/event_loop.h"

namespace expressgateway {

EventLoop::EventLoop(uv_loop_t* loop, void* context, TickCallback tick, Callback closed)
    : loop_(loop), context_(context), tick_(tick), closed_(closed) {
  poll_.data = this;
  idle_.data = this;
}

int EventLoop::Start(int fd) {
  int error = uv_poll_init(loop_, &poll_, fd);
  if (error != 0) return -error;
  uv_idle_init(loop_, &idle_);
  open_handles_ = 2;
  return 0;
}

int EventLoop::Watch(int events) {
  if (closing_) return 0;
  watched_ = events;
  return events == 0 ? -uv_poll_stop(&poll_) : -uv_poll_start(&poll_, events, OnPoll);
}

void EventLoop::Poke() {
  if (!closing_) uv_idle_start(&idle_, OnIdle);
}

void EventLoop::Close() {
  if (closing_) return;
  closing_ = true;
  if (open_handles_ == 0) return closed_(context_);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), OnClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), OnClosed);
}

void EventLoop::OnPoll(uv_poll_t* handle, int status, int events) {
  auto* self = static_cast<EventLoop*>(handle->data);
  uv_idle_stop(&self->idle_);
  self->tick_(self->context_, status < 0 ? kError : events);
  // libuv has stopped at the error, which was read.
  if (status < 0) self->Watch(self->watched_);
}

void EventLoop::OnIdle(uv_idle_t* handle) {
  auto* self = static_cast<EventLoop*>(handle->data);
  uv_idle_stop(&self->idle_);
  self->tick_(self->context_, 0);
}

void EventLoop::OnClosed(uv_handle_t* handle) {
  auto* self = static_cast<EventLoop*>(handle->data);
  if (--self->open_handles_ == 0) self->closed_(self->context_);
}

}  // namespace expressgateway
