// One connection of the transport, and one listening socket.
#pragma once

#include <cstdint>
#include <memory>

#include "tls/session.h"
#include "transport/send_queue.h"

namespace expressgateway::transport {

enum class State : uint8_t {
  kFree,
  kConnecting,
  kOpen,
  // The descriptor is closed; the slot is kept until TypeScript has seen the close event.
  kClosed,
};

struct Connection {
  int fd = -1;
  int32_t id = -1;
  // Tells an event of an earlier user of the slot from one of this.
  uint32_t generation = 0;
  // The batch that its last data event was in.
  uint32_t received_in = 0;
  State state = State::kFree;
  // A Unix socket has no RST.
  bool tcp = true;
  // TypeScript wants no bytes now.
  bool paused = false;
  // The kernel may hold bytes that were announced and not read yet.
  bool readable = false;
  // The kernel announced that the peer has finished; read on to its FIN.
  bool peer_finishing = false;
  // The peer's FIN was read.
  bool peer_ended = false;
  // Our FIN is to follow what is queued.
  bool end_wanted = false;
  // Our FIN was sent.
  bool ended = false;
  // Nothing is received any more; closes as soon as the queue is empty.
  bool finishing = false;
  // Sending has failed with this errno: what the peer had sent before is still read, then it closes.
  int send_error = 0;
  // In the list of those to be read in the next round.
  bool in_ready = false;
  // The submission that names its descriptor last (`UringRing::submits`).
  uint32_t staged_at = 0;
  // The engine sends bytes of it when the run of commands ends.
  bool sending = false;
  // What the kernel does for the io_uring engine: it receives; it waits for room, and for an error.
  bool receiving = false;
  bool awaits_room = false;
  bool awaits_error = false;
  // Its last receive was large.
  bool bulk = false;
  // The peer's end was read, and waits behind `held` and for the next batch.
  bool end_held = false;
  // TLS holds bytes that are decrypted and may not be delivered yet.
  bool unread = false;
  // TypeScript wanted no bytes while the TLS handshake went on, which it must not hold up.
  bool pause_later = false;
  // What is queued goes out when the run of commands ends.
  bool unsent = false;
  // Bytes that the kernel has not taken.
  SendQueue queue;
  // Bytes that the engine received and may not deliver yet.
  SendQueue held;
  // Null without TLS. What is queued and held is then encrypted.
  std::unique_ptr<tls::Session> tls;

  // There are bytes to be delivered that the kernel does not know of any more.
  bool keeps() const { return unread || !held.empty(); }
  // TypeScript has not heard yet that it is open.
  bool shakes_hands() const { return tls != nullptr && !tls->ready(); }
  bool live() const { return state == State::kConnecting || state == State::kOpen; }
};

struct Listener {
  int fd = -1;
  int32_t id = -1;
  bool open = false;
  // Names the io_uring engine's wait for connections; 0: there is none.
  uint32_t watch = 0;
};

}  // namespace expressgateway::transport
