// A place in the event loop for who works on one descriptor: a poll handle on it, and an idle handle for
// work that no descriptor announces. Both are closed asynchronously, as libuv demands.
#pragma once

#include <uv.h>

namespace expressgateway {

class EventLoop {
 public:
  // What it may be ready for beside UV_READABLE and UV_WRITABLE: there is an error to be read.
  static constexpr int kError = 1 << 16;

  using Callback = void (*)(void* context);
  // `events`: what the descriptor is ready for; 0 after `Poke`.
  using TickCallback = void (*)(void* context, int events);

  // `tick` and later `closed` are called with `context`.
  EventLoop(uv_loop_t* loop, void* context, TickCallback tick, Callback closed);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // An errno, or 0. Watches for nothing yet.
  int Start(int fd);
  // What to watch for from now on; errors are watched for too, unless it is 0. An errno, or 0.
  int Watch(int events);
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
  TickCallback tick_;
  Callback closed_;
  uv_poll_t poll_ = {};
  uv_idle_t idle_ = {};
  int watched_ = 0;
  int open_handles_ = 0;
  bool closing_ = false;
};

}  // namespace expressgateway
