// The memory that the transport shares with TypeScript (src/fastpath/native-layout.ts): arenas of
// bytes, and rings of 32-bit words for events and commands. TypeScript allocates it, so that a
// buffer is made once and no event makes an object.
#pragma once

#include <cstdint>

namespace expressgateway::transport {

enum EventKind : int32_t {
  // id: the new connection; a: the listener; b: its descriptor.
  kEventAccept = 1,
  // An outgoing connection is open; or one with TLS, accepted or not, has finished its handshake.
  kEventConnect = 2,
  // a, b: where its bytes begin and end in the slab.
  kEventData = 3,
  // The peer's FIN, or with TLS its close_notify.
  kEventEnd = 4,
  // What had blocked the connection has gone out.
  kEventDrain = 5,
  // a: errno, 0 after an orderly end; b: 1 when TLS knows the reason. The last event of a connection; its
  // id may come again.
  kEventClose = 6,
  // id: the listener; a: errno; b: 1 when it is held until `resumeListener`.
  kEventAcceptError = 7,
};

struct Event {
  int32_t kind;
  int32_t id;
  int32_t a;
  int32_t b;
};

enum CommandKind : int32_t {
  // a, b: where the bytes begin and end, in `out` or in the slab.
  kCommandSendOut = 1,
  kCommandSendSlab = 2,
  kCommandPause = 3,
  kCommandResume = 4,
  // FIN behind what is queued.
  kCommandEnd = 5,
  kCommandDestroy = 6,
  kCommandReset = 7,
  // FIN behind what is queued, and nothing more is received: closes when all has gone out.
  kCommandFinish = 8,
};

struct Command {
  int32_t kind;
  int32_t id;
  int32_t a;
  int32_t b;
};

// What TypeScript may read of a connection at any time.
struct SlotInfo {
  // Bytes that the kernel has not taken yet.
  int32_t queued;
  // 1 from the high-water mark on until everything has gone out (`kEventDrain`).
  int32_t blocked;
  int32_t remote_port;
  // 0 for Unix sockets, which have no address; else 1.
  int32_t has_address;
  // The words of src/base/ip.ts: IPv6, most significant first, and IPv4 mapped into it.
  uint32_t address[4];
};

static_assert(sizeof(Event) == 16 && sizeof(Command) == 16 && sizeof(SlotInfo) == 32);

struct SharedMemory {
  uint8_t* slab = nullptr;
  uint32_t slab_bytes = 0;
  uint8_t* out = nullptr;
  uint32_t out_bytes = 0;
  Event* events = nullptr;
  uint32_t event_capacity = 0;
  Command* commands = nullptr;
  uint32_t command_capacity = 0;
  SlotInfo* slots = nullptr;
  uint32_t slot_capacity = 0;
};

}  // namespace expressgateway::transport
