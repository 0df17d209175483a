// The memory that datagram sockets share with TypeScript (src/fastpath/native-udp-layout.ts): arenas of
// bytes, and records of 32-bit words. TypeScript allocates it, so that no datagram makes an object.
#pragma once

#include <cstdint>

namespace expressgateway::udp {

// A datagram that has come, or a run of datagrams that is to go out. Addresses are the words of
// src/base/ip.ts: IPv6, most significant first, and IPv4 mapped into it. src/fastpath/udp.ts has the
// words of one that has come.
struct Datagram {
  // Where its bytes begin and end: in the slab, or in `out`.
  uint32_t start;
  uint32_t end;
  uint32_t remote[4];
  uint32_t remote_port;
  // All zeroes in one that is to go out: the kernel chooses.
  uint32_t local[4];
  // The two bits of the IP header (RFC 3168 section 5).
  uint32_t ecn;
  // Of a link-local IPv6 peer, else 0.
  uint32_t scope;
  // In one that is to go out: it is sent as datagrams of so many bytes, the last with the rest. 0 in
  // one that has come.
  uint32_t segment;
};

// A peer of which the network says that it cannot be reached.
struct Unreachable {
  uint32_t remote[4];
  uint32_t port;
  uint32_t error;
};

// What TypeScript may read of a socket at any time.
struct State {
  // 1 from when the kernel took no more until everything that waited has gone out.
  uint32_t blocked;
  // Datagrams that were given up; it wraps.
  uint32_t dropped;
  // The bound address.
  uint32_t port;
  uint32_t address[4];
};

static_assert(sizeof(Datagram) == 56 && sizeof(Unreachable) == 24 && sizeof(State) == 28);

struct SharedMemory {
  // Shared by the sockets of one thread: it is filled and used within one call.
  uint8_t* slab = nullptr;
  uint32_t slab_bytes = 0;
  Datagram* received = nullptr;
  uint32_t received_capacity = 0;
  // Each socket's own.
  Unreachable* unreachable = nullptr;
  uint32_t unreachable_capacity = 0;
  uint8_t* out = nullptr;
  uint32_t out_bytes = 0;
  Datagram* staged = nullptr;
  uint32_t staged_capacity = 0;
  State* state = nullptr;
};

}  // namespace expressgateway::udp
