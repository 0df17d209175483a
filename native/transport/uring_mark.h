// What a completion is about: its mark. The upper eight bits are the task. Below are the number of a
// send, or of a connection, whose slot is not used again while anything is under way; or 24 bits of a
// listener's watch and its number.
#pragma once

#include <linux/io_uring.h>

#include <cstdint>

#include "transport/connection.h"
#include "transport/uring_ring.h"

namespace expressgateway::transport {

// `kRoom` and `kError`: what a connection's socket is polled for.
enum class Task : uint64_t { kSend = 1, kReceive, kRoom, kError, kAccept, kCancel };

constexpr int kTaskShift = 56;
constexpr int kWatchShift = 32;
constexpr uint32_t kMaxWatch = 0xffffff;

inline uint64_t Mark(Task task, uint32_t number) {
  return static_cast<uint64_t>(task) << kTaskShift | number;
}

inline uint64_t Mark(Task task, const Connection* connection) {
  return Mark(task, static_cast<uint32_t>(connection->id));
}

inline uint64_t Mark(const Listener* listener) {
  uint64_t watch = static_cast<uint64_t>(listener->watch) << kWatchShift;
  return Mark(Task::kAccept, static_cast<uint32_t>(listener->id)) | watch;
}

inline Task TaskOf(const Completion& completion) {
  return static_cast<Task>(completion.mark >> kTaskShift);
}

inline int32_t IdOf(const Completion& completion) { return static_cast<int32_t>(completion.mark); }

// The task that it is of is still under way.
inline bool GoesOn(const Completion& completion) {
  return (completion.flags & IORING_CQE_F_MORE) != 0;
}

// Of a receive: the buffer that it has filled.
inline bool HasBuffer(const Completion& completion) {
  return (completion.flags & IORING_CQE_F_BUFFER) != 0;
}

// Ours, in a bit that the kernel does not use: its bytes were copied to `Connection::held` before their turn.
constexpr uint32_t kHeldFlag = 1 << 14;

inline bool IsHeld(const Completion& completion) { return (completion.flags & kHeldFlag) != 0; }

inline uint16_t BufferOf(const Completion& completion) {
  return static_cast<uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
}

inline uint32_t WithBuffer(uint32_t flags, uint16_t buffer) {
  constexpr uint32_t kOthers = (1u << IORING_CQE_BUFFER_SHIFT) - 1;
  return (flags & kOthers) | static_cast<uint32_t>(buffer) << IORING_CQE_BUFFER_SHIFT;
}

}  // namespace expressgateway::transport
