// The transport without its engine: what a connection is, what TypeScript's commands do to it, and
// the order of a tick. An engine (epoll, io_uring) derives from it and moves the bytes.
//
// A tick: the engine gathers what has happened into the event ring and the slab; the host hands the
// whole batch to TypeScript in one call; TypeScript leaves commands; they are carried out; the next
// batch may use ring and slab again. A connection has at most one data event in a batch, so that a
// pause takes effect before its next bytes.
//
// TLS has its place between the kernel and the slab (secure.cc): an engine's receive step fills the slab
// through it, and what is sent passes it on the way to `Send` or to the queue. Nothing above sees the
// difference.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tls/session.h"
#include "tls/wire.h"
#include "transport/layout.h"
#include "transport/slot_table.h"

namespace expressgateway::transport {

// Whoever runs the event loop.
class Host {
 public:
  virtual ~Host() = default;
  // Hands over the first `count` events of the ring and returns how many commands were left.
  virtual uint32_t Deliver(uint32_t count) = 0;
  // Asks for a `Tick` in the loop's next turn even if no descriptor becomes ready.
  virtual void Poke() = 0;
};

// A queue of a connection from here on is announced as blocked (SEND_HIGH_WATER_BYTES in
// src/base/limits.ts).
constexpr size_t kHighWaterBytes = 64 * 1024;

// The backstop of a connection's queue, for owners that do not stop when it is blocked: it fails with
// ENOBUFS beyond this.
constexpr size_t kMaxQueuedBytes = 64 * 1024 * 1024;

// One read takes at most so much.
constexpr uint32_t kReadBytes = 64 * 1024;

// One read of encrypted bytes: with a record before it that had not come whole, they are no more than
// `kReadBytes` when they are decrypted.
constexpr uint32_t kSecureReadBytes = kReadBytes - 16 * 1024;

// A batch is delivered before fewer events than these have room.
constexpr uint32_t kMinEventRoom = 8;

// A batch is delivered after so many steps of TLS handshakes, each of which takes as long as a hundred
// small messages.
constexpr uint32_t kMaxHandshakes = 16;

// Batches in one tick; what is left is for the next, so that timers and others get their turn.
constexpr int kMaxRounds = 8;

// Pieces of one send call.
constexpr int kMaxPieces = 32;

class Transport {
 public:
  Transport(const SharedMemory& memory, Host* host);
  virtual ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Acquires what the engine needs; an errno, 0 when all is there. Call it once, before anything else.
  virtual int Open() = 0;
  // Readable when `Tick` has something to do.
  virtual int poll_fd() const = 0;

  // Dials. The outcome is an event, whatever it is. Returns the connection, or -1 when there are as
  // many as can be. `port` -1: `host` is the path of a Unix socket. With `tls`, a client's context, it
  // is connected when its handshake is done.
  int32_t Connect(const std::string& host, int port, std::shared_ptr<tls::Context> tls = nullptr);
  // An accepted connection speaks TLS, with a server's context; to be called before its first bytes.
  void Secure(int32_t id, std::shared_ptr<tls::Context> tls);
  // TLS of a connection until its close was delivered; null when it has none.
  const tls::Session* FindSession(int32_t id);
  // Accepts from a listening socket, which is the transport's from now on. Returns the listener.
  int32_t Listen(int fd);
  // Accepting goes on after an error that held it.
  void ResumeListener(int32_t id);
  // Closes the socket.
  void CloseListener(int32_t id);

  // Carries out the first `count` commands of the ring.
  void Run(uint32_t count);
  // Handles what has happened since.
  void Tick();

  uint32_t connections() const { return slots_.taken(); }
  // What a read of an idle connection would meet (socket_probe.h).
  int Probe(int32_t id);

 protected:
  // For engines.

  // Starts to watch a connection that is new, or being dialled. False, with errno, when it cannot.
  virtual bool Watch(Connection* connection) = 0;
  virtual bool WatchListener(Listener* listener) = 0;
  virtual void UnwatchListener(Listener* listener) = 0;
  // Posts what has happened. `first`: the first time in this tick.
  virtual void Gather(bool first) = 0;
  // There is something to gather that no descriptor will announce.
  virtual bool HasMore() const = 0;
  // Sends to an open connection whose queue is empty, and queues the rest (`Enqueue`), or fails it.
  // An engine may do it later, but before the run ends: it sets `connection->sending` until it calls
  // `Sent`, `Enqueue` or `Closed`.
  virtual void Send(Connection* connection, const iovec* pieces, int count) = 0;
  // Sends what is queued; called when a dial has succeeded.
  virtual void SendQueued(Connection* connection) = 0;
  // `connection->paused` has changed.
  virtual void Pause(Connection* connection) = 0;
  virtual void Resume(Connection* connection) = 0;
  // Sees to it that what the kernel still holds for a connection that failed is read, up to its end.
  virtual void ReadOut(Connection* connection) = 0;
  // Lets go of the descriptor. The slot is not used again before `HoldsSlot` is false.
  virtual void CloseDescriptor(Connection* connection) = 0;
  virtual bool HoldsSlot(const Connection* connection) const { return false; }
  // Sends now what is still to be sent: the connection is about to be closed.
  virtual void Settle(Connection* connection) {}
  // Received bytes of it are on their way that the kernel does not hold any more.
  virtual bool HoldsBytes(const Connection* connection) const { return false; }
  // Moves those to `connection->held`.
  virtual void Absorb(Connection* connection) {}
  // Sees to it that what is kept (`Connection::keeps`), or an end that is held, is delivered in another batch.
  virtual void ServeLater(Connection* connection) = 0;
  // A run of commands has ended.
  virtual void EndRun() {}
  // A batch was delivered, and nobody uses its bytes any more.
  virtual void EndBatch() {}
  // The tick has ended. `more`: another one comes soon.
  virtual void EndTick(bool more) {}

  // Posts an event: into the ring while gathering, else it waits for the next batch.
  void Post(int32_t kind, int32_t id, int32_t a, int32_t b);
  // Makes room for a few events and one read, by delivering what is there when there is much of it.
  // Connections may be gone after it.
  void EnsureRoom();
  // Delivers what is there. Connections may be gone after it.
  void Deliver();
  // The connection that an event was meant for, null when it is gone.
  Connection* Live(int32_t id, uint32_t generation);

  // A socket was accepted. The event may refuse it. True: as with `AcceptFailed`.
  bool Accepted(Listener* listener, int fd, const sockaddr_storage& peer);
  // True: the listener was held until `ResumeListener`.
  bool AcceptFailed(Listener* listener, int error);
  // The dial has ended; 0: it is connected.
  void Connected(Connection* connection, int error);
  // Bytes were received into the slab; each connection at most once in a batch.
  void Received(Connection* connection, uint32_t start, uint32_t size);
  // The same for one with TLS: decrypts up to `kReadBytes` into the slab from `start` on, where `room` bytes
  // are free, and returns how many it took there. What has no room is kept.
  uint32_t ReceivedSecure(Connection* connection, const iovec& bytes, uint32_t start, uint32_t room);
  // The same with what is kept.
  uint32_t ReceivedKept(Connection* connection, uint32_t start, uint32_t room);
  // The peer's FIN was read, or an end that was held has its turn.
  void PeerEnded(Connection* connection);
  // The peer takes nothing more. It may have said why before: an early answer to a request whose rest
  // it refused must not be lost.
  void SendFailed(Connection* connection, int error);
  // The end of a connection by an error, or with 0 in order.
  void Closed(Connection* connection, int error);
  // Takes what could not be sent; false: the connection was failed for want of memory.
  bool Enqueue(Connection* connection, const iovec* pieces, int count, size_t skip);
  // Everything that `Send` was given has gone out.
  void Sent(Connection* connection);
  // The kernel took so much from the queue.
  void Dequeued(Connection* connection, size_t size);

  const SharedMemory& memory() const { return memory_; }
  // The slab is filled from its beginning in each batch.
  // Counts batches, for `Connection::received_in`.
  uint32_t batch() const { return batch_; }
  uint32_t slab_used() const { return slab_used_; }
  void UseSlab(uint32_t size) { slab_used_ += size; }
  SlotTable& slots() { return slots_; }
  // Null for one that was closed.
  Listener* FindListener(int32_t id);
  Host* host() const { return host_; }
  // Closes every socket; for an engine's destructor.
  void CloseAll();

 private:
  void Put(const Event& event);
  void TakeDeferred();
  void ReleaseClosed();
  bool SendRange(const Command& command, iovec* piece) const;
  uint32_t RunSends(uint32_t index, uint32_t count);
  bool EndsAt(uint32_t index, uint32_t count, int32_t id) const;
  void RunOne(const Command& command);
  void SendOrQueue(Connection* connection, const iovec* pieces, int count, bool last);
  bool CountQueued(Connection* connection, bool taken);
  void End(Connection* connection);
  void Finish(Connection* connection);
  void AfterQueue(Connection* connection);
  void Reset(Connection* connection);
  SlotInfo& info(const Connection* connection) { return memory_.slots[connection->id]; }

  // TLS (secure.cc).
  bool ShakeHands(Connection* connection);
  bool Decrypt(Connection* connection, iovec* room, size_t* got);
  uint32_t Decrypted(Connection* connection, uint32_t start, size_t got);
  void SendSecure(Connection* connection, const iovec* pieces, int count, bool last);
  bool Encrypt(Connection* connection, const iovec& piece, size_t* begin);
  bool SaysLast(Connection* connection);
  void Wait(Connection* connection, const iovec* pieces, int count);
  void SendWaiting(Connection* connection);
  void SendOutput(Connection* connection, size_t begin);
  void QueueOutput(Connection* connection);
  void SendUnsent();
  void FailSecure(Connection* connection);
  void HoldUnexpected(Connection* connection);
  int ProbeSecure(Connection* connection);

  SharedMemory memory_;
  Host* host_;
  // Before the connections, whose sessions use it.
  tls::Wire wire_;
  SlotTable slots_;
  // A deque: engines keep pointers to them.
  std::deque<Listener> listeners_;
  uint32_t batch_ = 1;
  uint32_t events_ = 0;
  uint32_t slab_used_ = 0;
  // Steps of handshakes in this batch.
  uint32_t handshakes_ = 0;
  bool gathering_ = false;
  // Events that happened outside of gathering; the next batch begins with them.
  std::vector<Event> deferred_;
  // Connections whose close event is in the ring, and those that an engine still holds.
  std::vector<Connection*> closed_;
  // What their queues hold goes out when the run of commands ends.
  std::vector<Connection*> unsent_;
};

}  // namespace expressgateway::transport
