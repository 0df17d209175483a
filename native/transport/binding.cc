#include "transport/binding.h"

#include <uv.h>

#include <memory>
#include <string>
#include <utility>

#include "common/arguments.h"
#include "common/batch_callback.h"
#include "common/errno_error.h"
#include "common/event_loop.h"
#include "tls/binding.h"
#include "transport/engines.h"
#include "transport/transport.h"

namespace expressgateway {
namespace {

using transport::SharedMemory;

// The wrapper keeps itself alive from its construction until its loop handles are closed, by `close`
// or by the end of the environment.
class TransportWrap final : public Napi::ObjectWrap<TransportWrap>, private transport::Host {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit TransportWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value Submit(const Napi::CallbackInfo& info);
  Napi::Value Connect(const Napi::CallbackInfo& info);
  Napi::Value Listen(const Napi::CallbackInfo& info);
  Napi::Value ResumeListener(const Napi::CallbackInfo& info);
  Napi::Value CloseListener(const Napi::CallbackInfo& info);
  Napi::Value Probe(const Napi::CallbackInfo& info);
  Napi::Value Secure(const Napi::CallbackInfo& info);
  Napi::Value TlsServer(const Napi::CallbackInfo& info);
  Napi::Value TlsClient(const Napi::CallbackInfo& info);
  Napi::Value SetTicketKeys(const Napi::CallbackInfo& info);
  Napi::Value TlsInfo(const Napi::CallbackInfo& info);
  Napi::Value TlsReason(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  uint32_t Deliver(uint32_t count) override;
  void Poke() override { loop_->Poke(); }

  bool ReadMemory(const Napi::Object& options, SharedMemory* memory);
  // The id that the first argument names; false with an error pending.
  bool ReadId(const Napi::CallbackInfo& info, int* id);
  // TLS of the connection that the first argument names; null when there is none, or an error is pending.
  const tls::Session* ReadSession(const Napi::CallbackInfo& info);
  void Tick();
  void StartClosing();
  void Closed();
  static void OnCleanup(napi_async_cleanup_hook_handle handle, void* context);

  Napi::Env env_;
  std::unique_ptr<BatchCallback> on_batch_;
  Napi::ObjectReference memory_;
  tls::TrustStores trust_;
  std::unique_ptr<transport::Transport> transport_;
  std::unique_ptr<EventLoop> loop_;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
  bool ticking_ = false;
  bool close_wanted_ = false;
  bool cleaning_up_ = false;
};

Napi::Function TransportWrap::Define(Napi::Env env) {
  return DefineClass(env, "Transport",
                     {
                         InstanceMethod("submit", &TransportWrap::Submit),
                         InstanceMethod("connect", &TransportWrap::Connect),
                         InstanceMethod("listen", &TransportWrap::Listen),
                         InstanceMethod("resumeListener", &TransportWrap::ResumeListener),
                         InstanceMethod("closeListener", &TransportWrap::CloseListener),
                         InstanceMethod("probe", &TransportWrap::Probe),
                         InstanceMethod("secure", &TransportWrap::Secure),
                         InstanceMethod("tlsServer", &TransportWrap::TlsServer),
                         InstanceMethod("tlsClient", &TransportWrap::TlsClient),
                         InstanceMethod("setTicketKeys", &TransportWrap::SetTicketKeys),
                         InstanceMethod("tlsInfo", &TransportWrap::TlsInfo),
                         InstanceMethod("tlsReason", &TransportWrap::TlsReason),
                         InstanceMethod("close", &TransportWrap::Close),
                     });
}

// new Transport(engine, memory, onBatch)
TransportWrap::TransportWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<TransportWrap>(info), env_(info.Env()) {
  std::string engine;
  SharedMemory memory;
  if (!ReadString(info[0], "engine", &engine)) return;
  if (!info[1].IsObject() || !ReadMemory(info[1].As<Napi::Object>(), &memory)) return;
  transport_ = transport::MakeTransport(engine, memory, this);
  if (transport_ == nullptr) {
    ThrowErrno(env_, "transport", EINVAL);
    return;
  }
  int error = transport_->Open();
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env_, &loop);
  loop_ = std::make_unique<EventLoop>(
      loop, this, [](void* self, int) { static_cast<TransportWrap*>(self)->Tick(); },
      [](void* self) { static_cast<TransportWrap*>(self)->Closed(); });
  if (error == 0) error = loop_->Start(transport_->poll_fd());
  if (error == 0) error = loop_->Watch(UV_READABLE);
  if (error != 0) {
    ThrowErrno(env_, engine == "epoll" ? "epoll_create1" : "io_uring_setup", error);
    return;
  }
  memory_ = Napi::Persistent(info[1].As<Napi::Object>());
  auto on_batch = info[2].As<Napi::Function>();
  on_batch_ = std::make_unique<BatchCallback>(on_batch, "expressgateway:transport");
  napi_add_async_cleanup_hook(env_, OnCleanup, this, &cleanup_);
  Ref();
}

bool TransportWrap::ReadMemory(const Napi::Object& options, SharedMemory* memory) {
  return ReadArray(options, "slab", &memory->slab, &memory->slab_bytes) &&
         ReadArray(options, "out", &memory->out, &memory->out_bytes) &&
         ReadArray(options, "events", &memory->events, &memory->event_capacity) &&
         ReadArray(options, "commands", &memory->commands, &memory->command_capacity) &&
         ReadArray(options, "slots", &memory->slots, &memory->slot_capacity);
}

bool TransportWrap::ReadId(const Napi::CallbackInfo& info, int* id) {
  if (transport_ != nullptr) return ReadInt(info[0], "id", id);
  ThrowErrno(env_, "transport", EBADF);
  return false;
}

// submit(count): carries out the commands of the ring now.
Napi::Value TransportWrap::Submit(const Napi::CallbackInfo& info) {
  int count = 0;
  if (ReadId(info, &count)) transport_->Run(static_cast<uint32_t>(count));
  return env_.Undefined();
}

// connect(host, port, context): the connection, or -1 when there are as many as can be. null: no TLS.
Napi::Value TransportWrap::Connect(const Napi::CallbackInfo& info) {
  std::string host;
  int port = 0;
  if (!ReadString(info[0], "host", &host) || !ReadInt(info[1], "port", &port)) return {};
  std::shared_ptr<tls::Context> context;
  if (!info[2].IsNull()) {
    context = tls::ReadContext(info[2], false);
    if (context == nullptr) return {};
  }
  int32_t id = transport_ == nullptr ? -1 : transport_->Connect(host, port, std::move(context));
  return Napi::Number::New(env_, id);
}

// listen(fd): the listener. The descriptor is the transport's from now on.
Napi::Value TransportWrap::Listen(const Napi::CallbackInfo& info) {
  int fd = -1;
  if (!ReadId(info, &fd)) return {};
  int id = transport_->Listen(fd);
  return id < 0 ? ThrowErrno(env_, "epoll_ctl", errno) : Napi::Number::New(env_, id);
}

Napi::Value TransportWrap::ResumeListener(const Napi::CallbackInfo& info) {
  int id = -1;
  if (ReadId(info, &id)) transport_->ResumeListener(id);
  return env_.Undefined();
}

Napi::Value TransportWrap::CloseListener(const Napi::CallbackInfo& info) {
  int id = -1;
  if (ReadId(info, &id)) transport_->CloseListener(id);
  return env_.Undefined();
}

// probe(id): see common/idle_probe.h.
Napi::Value TransportWrap::Probe(const Napi::CallbackInfo& info) {
  int id = -1;
  if (!ReadId(info, &id)) return {};
  return Napi::Number::New(env_, transport_->Probe(id));
}

// secure(id, context): an accepted connection speaks TLS.
Napi::Value TransportWrap::Secure(const Napi::CallbackInfo& info) {
  int id = -1;
  if (!ReadId(info, &id)) return {};
  std::shared_ptr<tls::Context> context = tls::ReadContext(info[1], true);
  if (context != nullptr) transport_->Secure(id, std::move(context));
  return env_.Undefined();
}

// tlsServer(settings), tlsClient(settings): a context.
Napi::Value TransportWrap::TlsServer(const Napi::CallbackInfo& info) {
  return tls::MakeServerContext(info[0], &trust_);
}

Napi::Value TransportWrap::TlsClient(const Napi::CallbackInfo& info) {
  return tls::MakeClientContext(info[0], &trust_);
}

// setTicketKeys(context, keys)
Napi::Value TransportWrap::SetTicketKeys(const Napi::CallbackInfo& info) {
  tls::ReplaceTicketKeys(info[0], info[1]);
  return env_.Undefined();
}

const tls::Session* TransportWrap::ReadSession(const Napi::CallbackInfo& info) {
  int id = -1;
  return ReadId(info, &id) ? transport_->FindSession(id) : nullptr;
}

// tlsInfo(id): what its handshake agreed on; undefined when none has.
Napi::Value TransportWrap::TlsInfo(const Napi::CallbackInfo& info) {
  const tls::Session* session = ReadSession(info);
  if (session == nullptr || !session->ready()) return env_.Undefined();
  return tls::InfoObject(env_, session->Describe());
}

// tlsReason(id): why TLS ended it, empty when it has not.
Napi::Value TransportWrap::TlsReason(const Napi::CallbackInfo& info) {
  const tls::Session* session = ReadSession(info);
  return Napi::String::New(env_, session == nullptr ? "" : session->reason());
}

// close(): ends every connection without a further event.
Napi::Value TransportWrap::Close(const Napi::CallbackInfo& info) {
  close_wanted_ = true;
  if (!ticking_) StartClosing();
  return env_.Undefined();
}

void TransportWrap::Tick() {
  Napi::HandleScope scope(env_);
  ticking_ = true;
  transport_->Tick();
  ticking_ = false;
  if (close_wanted_) StartClosing();
}

uint32_t TransportWrap::Deliver(uint32_t count) {
  if (close_wanted_ || cleaning_up_) return 0;
  Napi::HandleScope scope(env_);
  napi_value argument = Napi::Number::New(env_, count);
  return on_batch_->Call(&argument, 1);
}

void TransportWrap::StartClosing() {
  if (transport_ == nullptr) return;
  transport_.reset();
  loop_->Close();
}

void TransportWrap::Closed() {
  if (cleanup_ != nullptr) napi_remove_async_cleanup_hook(cleanup_);
  cleanup_ = nullptr;
  if (cleaning_up_) return;
  Napi::HandleScope scope(env_);
  on_batch_.reset();
  memory_.Reset();
  Unref();
}

// The environment ends: handles that stayed open would abort the process.
void TransportWrap::OnCleanup(napi_async_cleanup_hook_handle, void* context) {
  auto* self = static_cast<TransportWrap*>(context);
  self->cleaning_up_ = true;
  self->close_wanted_ = true;
  if (self->transport_ != nullptr) self->StartClosing();
}

// The kinds of layout.h by name, so that TypeScript's list of them can be compared.
Napi::Object Layout(Napi::Env env) {
  using namespace transport;  // NOLINT: the names are what this is about.
  const std::pair<const char*, int32_t> kinds[] = {
      {"EVENT_ACCEPT", kEventAccept},
      {"EVENT_CONNECT", kEventConnect},
      {"EVENT_DATA", kEventData},
      {"EVENT_END", kEventEnd},
      {"EVENT_DRAIN", kEventDrain},
      {"EVENT_CLOSE", kEventClose},
      {"EVENT_ACCEPT_ERROR", kEventAcceptError},
      {"COMMAND_SEND_OUT", kCommandSendOut},
      {"COMMAND_SEND_SLAB", kCommandSendSlab},
      {"COMMAND_PAUSE", kCommandPause},
      {"COMMAND_RESUME", kCommandResume},
      {"COMMAND_END", kCommandEnd},
      {"COMMAND_DESTROY", kCommandDestroy},
      {"COMMAND_RESET", kCommandReset},
      {"COMMAND_FINISH", kCommandFinish},
      {"SLOT_QUEUED", offsetof(SlotInfo, queued) / sizeof(int32_t)},
      {"SLOT_BLOCKED", offsetof(SlotInfo, blocked) / sizeof(int32_t)},
      {"SLOT_REMOTE_PORT", offsetof(SlotInfo, remote_port) / sizeof(int32_t)},
      {"SLOT_HAS_ADDRESS", offsetof(SlotInfo, has_address) / sizeof(int32_t)},
      {"SLOT_ADDRESS", offsetof(SlotInfo, address) / sizeof(int32_t)},
      {"SLOT_WORDS", sizeof(SlotInfo) / sizeof(int32_t)},
      {"HIGH_WATER_BYTES", kHighWaterBytes},
      {"READ_BYTES", kReadBytes},
  };
  Napi::Object layout = Napi::Object::New(env);
  for (const auto& [name, value] : kinds) layout.Set(name, value);
  return layout;
}

// transportProbe(engine)
Napi::Value Probe(const Napi::CallbackInfo& info) {
  std::string engine;
  if (!ReadString(info[0], "engine", &engine)) return {};
  return Napi::String::New(info.Env(), transport::ProbeEngine(engine));
}

}  // namespace

void ExportTransport(Napi::Env env, Napi::Object exports) {
  exports.Set("Transport", TransportWrap::Define(env));
  exports.Set("transportLayout", Layout(env));
  exports.Set("transportProbe", Napi::Function::New(env, Probe, "transportProbe"));
}

}  // namespace expressgateway
