// The transport's place in the event loop: a poll handle on its descriptor, and an idle handle for
// work that no descriptor announces. Both are closed asynchronously, as libuv demands.
#pragma once

#include <uv.h>

namespace expressgateway::transport {

class EventLoop {
 public:
  using Callback = void (*)(void* context);

  // `tick` and later `closed` are called with `context`.
  EventLoop(uv_loop_t* loop, void* context, Callback tick, Callback closed);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // An errno, or 0.
  int Start(int fd);
  // `tick` in the loop's next turn, and no blocking before it.
  void Poke();
  // `closed` is called when nothing of this is in use any more; it may delete this.
  void Close();

 private:
  static void OnPoll(uv_poll_t* handle, int status, int events);
  static void OnIdle(uv_idle_t* handle);
  static void OnClosed(uv_handle_t* handle);

  uv_loop_t* loop_;
  void* context_;
  Callback tick_;
  Callback closed_;
  uv_poll_t poll_ = {};
  uv_idle_t idle_ = {};
  int open_handles_ = 0;
  bool closing_ = false;
};

}  // namespace expressgateway::transport
