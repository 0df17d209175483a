#include "udp/binding.h"

#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "common/arguments.h"
#include "common/batch_callback.h"
#include "common/errno_error.h"
#include "common/event_loop.h"
#include "udp/open_socket.h"
#include "udp/socket.h"

namespace expressgateway {
namespace {

using udp::OpenOptions;
using udp::SharedMemory;

static_assert(udp::kReadable == UV_READABLE && udp::kWritable == UV_WRITABLE);

// The wrapper keeps itself alive from its construction until its loop handles are closed, by `close`
// or by the end of the environment.
class UdpSocketWrap final : public Napi::ObjectWrap<UdpSocketWrap>, private udp::Host {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit UdpSocketWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value Receive(const Napi::CallbackInfo& info);
  Napi::Value Submit(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  uint32_t Deliver(uint32_t datagrams, uint32_t unreachable, bool drained) override;
  void Watch(int events) override { loop_->Watch(events); }
  void Poke() override { loop_->Poke(); }
  void Fail(int error) override { Call(0, 0, false, error); }

  bool Open(const OpenOptions& options, const SharedMemory& memory);
  uint32_t Call(uint32_t datagrams, uint32_t unreachable, bool drained, int error);
  void Tick(int events);
  void StartClosing();
  void Closed();
  static void OnCleanup(napi_async_cleanup_hook_handle handle, void* context);

  Napi::Env env_;
  std::unique_ptr<BatchCallback> on_batch_;
  Napi::ObjectReference memory_;
  std::unique_ptr<udp::Socket> socket_;
  std::unique_ptr<EventLoop> loop_;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
  bool ticking_ = false;
  bool close_wanted_ = false;
  bool cleaning_up_ = false;
};

bool ReadOptions(const Napi::Value& value, OpenOptions* out) {
  if (!value.IsObject()) {
    Napi::TypeError::New(value.Env(), "bad argument: options").ThrowAsJavaScriptException();
    return false;
  }
  Napi::Object options = value.As<Napi::Object>();
  return ReadString(options.Get("host"), "host", &out->host) &&
         ReadInt(options.Get("port"), "port", &out->port) &&
         ReadBool(options.Get("reusePort"), "reusePort", &out->reuse_port) &&
         ReadInt(options.Get("bufferBytes"), "bufferBytes", &out->buffer_bytes);
}

// False with an error pending, also for arenas in which nothing could be received.
bool ReadMemory(const Napi::Value& value, SharedMemory* memory) {
  if (!value.IsObject()) {
    Napi::TypeError::New(value.Env(), "bad argument: memory").ThrowAsJavaScriptException();
    return false;
  }
  Napi::Object arenas = value.As<Napi::Object>();
  uint32_t states = 0;
  bool read =
      ReadArray(arenas, "slab", &memory->slab, &memory->slab_bytes) &&
      ReadArray(arenas, "received", &memory->received, &memory->received_capacity) &&
      ReadArray(arenas, "unreachable", &memory->unreachable, &memory->unreachable_capacity) &&
      ReadArray(arenas, "out", &memory->out, &memory->out_bytes) &&
      ReadArray(arenas, "staged", &memory->staged, &memory->staged_capacity) &&
      ReadArray(arenas, "state", &memory->state, &states);
  if (!read) return false;
  bool room = memory->slab_bytes >= udp::kMessageBytes && memory->received_capacity > 0 &&
              memory->unreachable_capacity > 0 && states > 0;
  if (!room) Napi::TypeError::New(value.Env(), "bad argument: memory").ThrowAsJavaScriptException();
  return room;
}

Napi::Function UdpSocketWrap::Define(Napi::Env env) {
  return DefineClass(env, "UdpSocket",
                     {
                         InstanceMethod("fd", &UdpSocketWrap::Fd),
                         InstanceMethod("receive", &UdpSocketWrap::Receive),
                         InstanceMethod("submit", &UdpSocketWrap::Submit),
                         InstanceMethod("close", &UdpSocketWrap::Close),
                     });
}

// new UdpSocket(options, memory, onBatch)
UdpSocketWrap::UdpSocketWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<UdpSocketWrap>(info), env_(info.Env()) {
  OpenOptions options;
  SharedMemory memory;
  if (!ReadOptions(info[0], &options) || !ReadMemory(info[1], &memory)) return;
  if (!Open(options, memory)) return;
  memory_ = Napi::Persistent(info[1].As<Napi::Object>());
  on_batch_ = std::make_unique<BatchCallback>(info[2].As<Napi::Function>(), "expressgateway:udp");
  napi_add_async_cleanup_hook(env_, OnCleanup, this, &cleanup_);
  Ref();
}

// False with an error pending.
bool UdpSocketWrap::Open(const OpenOptions& options, const SharedMemory& memory) {
  const char* call = nullptr;
  int fd = udp::OpenSocket(options, &call);
  if (fd < 0) {
    ThrowErrno(env_, call, errno);
    return false;
  }
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env_, &loop);
  loop_ = std::make_unique<EventLoop>(
      loop, this,
      [](void* self, int events) { static_cast<UdpSocketWrap*>(self)->Tick(events); },
      [](void* self) { static_cast<UdpSocketWrap*>(self)->Closed(); });
  int error = loop_->Start(fd);
  if (error != 0) {
    close(fd);
    ThrowErrno(env_, "epoll_ctl", error);
    return false;
  }
  udp::Host* host = this;
  socket_ = std::make_unique<udp::Socket>(fd, memory, host);
  return true;
}

// fd(): the descriptor, -1 when it is closed.
Napi::Value UdpSocketWrap::Fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(env_, socket_ == nullptr ? -1 : socket_->fd());
}

Napi::Value UdpSocketWrap::Receive(const Napi::CallbackInfo& info) {
  if (socket_ != nullptr) socket_->Start();
  return env_.Undefined();
}

// submit(count): sends what is staged now.
Napi::Value UdpSocketWrap::Submit(const Napi::CallbackInfo& info) {
  int count = 0;
  if (!ReadInt(info[0], "count", &count)) return {};
  if (socket_ != nullptr) socket_->Run(static_cast<uint32_t>(count));
  return env_.Undefined();
}

Napi::Value UdpSocketWrap::Close(const Napi::CallbackInfo& info) {
  close_wanted_ = true;
  if (socket_ != nullptr) socket_->Stop();
  if (!ticking_) StartClosing();
  return env_.Undefined();
}

void UdpSocketWrap::Tick(int events) {
  Napi::HandleScope scope(env_);
  bool error = (events & EventLoop::kError) != 0;
  ticking_ = true;
  socket_->Tick(error ? udp::kError : events);
  ticking_ = false;
  if (close_wanted_) StartClosing();
}

uint32_t UdpSocketWrap::Deliver(uint32_t datagrams, uint32_t unreachable, bool drained) {
  return Call(datagrams, unreachable, drained, 0);
}

uint32_t UdpSocketWrap::Call(uint32_t datagrams, uint32_t unreachable, bool drained, int error) {
  if (close_wanted_ || cleaning_up_) return 0;
  Napi::HandleScope scope(env_);
  napi_value arguments[] = {
      Napi::Number::New(env_, datagrams),
      Napi::Number::New(env_, unreachable),
      Napi::Boolean::New(env_, drained),
      Napi::Number::New(env_, error),
  };
  return on_batch_->Call(arguments, std::size(arguments));
}

// The loop lets go of the descriptor before it is closed.
void UdpSocketWrap::StartClosing() {
  if (socket_ == nullptr) return;
  loop_->Close();
  socket_.reset();
}

void UdpSocketWrap::Closed() {
  if (cleanup_ != nullptr) napi_remove_async_cleanup_hook(cleanup_);
  cleanup_ = nullptr;
  if (cleaning_up_) return;
  Napi::HandleScope scope(env_);
  on_batch_.reset();
  memory_.Reset();
  Unref();
}

// The environment ends: handles that stayed open would abort the process.
void UdpSocketWrap::OnCleanup(napi_async_cleanup_hook_handle, void* context) {
  auto* self = static_cast<UdpSocketWrap*>(context);
  self->cleaning_up_ = true;
  self->close_wanted_ = true;
  if (self->socket_ != nullptr) self->StartClosing();
}

template <size_t bytes>
constexpr int32_t kWords = static_cast<int32_t>(bytes / sizeof(uint32_t));

// The places of layout.h by name, so that TypeScript's list of them can be compared.
Napi::Object Layout(Napi::Env env) {
  using namespace udp;  // NOLINT: the names are what this is about.
  const std::pair<const char*, int32_t> places[] = {
      {"UDP_START", kWords<offsetof(Datagram, start)>},
      {"UDP_END", kWords<offsetof(Datagram, end)>},
      {"UDP_REMOTE", kWords<offsetof(Datagram, remote)>},
      {"UDP_REMOTE_PORT", kWords<offsetof(Datagram, remote_port)>},
      {"UDP_LOCAL", kWords<offsetof(Datagram, local)>},
      {"UDP_ECN", kWords<offsetof(Datagram, ecn)>},
      {"UDP_SCOPE", kWords<offsetof(Datagram, scope)>},
      {"UDP_SEGMENT", kWords<offsetof(Datagram, segment)>},
      {"UDP_RECORD_WORDS", kWords<sizeof(Datagram)>},
      {"UNREACHABLE_REMOTE", kWords<offsetof(Unreachable, remote)>},
      {"UNREACHABLE_PORT", kWords<offsetof(Unreachable, port)>},
      {"UNREACHABLE_ERROR", kWords<offsetof(Unreachable, error)>},
      {"UNREACHABLE_WORDS", kWords<sizeof(Unreachable)>},
      {"STATE_BLOCKED", kWords<offsetof(State, blocked)>},
      {"STATE_DROPPED", kWords<offsetof(State, dropped)>},
      {"STATE_PORT", kWords<offsetof(State, port)>},
      {"STATE_ADDRESS", kWords<offsetof(State, address)>},
      {"STATE_WORDS", kWords<sizeof(State)>},
      {"MESSAGE_BYTES", kMessageBytes},
      {"MAX_UDP_SEGMENTS", kMaxSegments},
      {"MAX_QUEUED_BYTES", kMaxQueuedBytes},
  };
  Napi::Object layout = Napi::Object::New(env);
  for (const auto& [name, place] : places) layout.Set(name, place);
  return layout;
}

}  // namespace

void ExportUdp(Napi::Env env, Napi::Object exports) {
  exports.Set("UdpSocket", UdpSocketWrap::Define(env));
  exports.Set("udpLayout", Layout(env));
}

}  // namespace expressgateway
