// One io_uring by its system calls (io_uring_setup(2) and its kin): the two rings that are shared
// with the kernel, and the eventfd that wakes the event loop. It knows nothing of sockets.
//
// The kernel does what has become ready (IORING_SETUP_DEFER_TASKRUN) only within `Submit(true)`, on
// the thread that made the ring, which must be the only one to use it.
#pragma once

#include <linux/io_uring.h>

#include <cstddef>
#include <cstdint>

namespace expressgateway::transport {

struct Completion {
  uint64_t mark;
  int32_t result;
  uint32_t flags;
};

class UringRing {
 public:
  UringRing() = default;
  ~UringRing();
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;

  // Room for so many submissions and completions, both powers of two. An errno, or 0.
  int Open(uint32_t submissions, uint32_t completions);
  bool is_open() const { return entries_ != nullptr; }
  bool has_feature(uint32_t feature) const { return (features_ & feature) != 0; }
  // io_uring_register(2): an errno, or 0.
  int Register(uint32_t operation, void* argument, uint32_t count);

  // A zeroed submission, which goes out with the next `Submit`, or before when there are too many.
  io_uring_sqe* Stage();
  uint32_t staged() const { return sq_tail_ - sq_submitted_; }
  // Counts the times that what was staged went out.
  uint32_t submits() const { return submits_; }
  // One system call. `run_tasks`: the kernel also does what has become ready, some of it at least.
  // An errno, or 0; an error means that the ring cannot be used any more.
  int Submit(bool run_tasks);

  // False when there is none.
  bool Take(Completion* completion);
  // The kernel waits for `Submit(true)`.
  bool has_tasks() const {
    return (__atomic_load_n(sq_flags_, __ATOMIC_RELAXED) &
            (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
  }
  bool has_completions() const { return __atomic_load_n(cq_tail_, __ATOMIC_ACQUIRE) != cq_head_; }
  bool has_work() const { return staged() > 0 || has_completions() || has_tasks(); }

  // Readable when something has become ready since `Announce(true)`, until `Acknowledge`.
  int event_fd() const { return event_; }
  // Whether the eventfd is to tell. What became ready while it was not is never told: look after
  // turning it on.
  void Announce(bool on);
  void Acknowledge();

 private:
  int Map(const io_uring_params& parameters);
  int Announcing();

  int fd_ = -1;
  int event_ = -1;
  // For io_uring_enter: the descriptor, or its index among those that this thread has registered.
  int enter_fd_ = -1;
  uint32_t enter_flags_ = 0;
  uint32_t features_ = 0;
  void* rings_ = nullptr;
  size_t ring_bytes_ = 0;
  io_uring_sqe* entries_ = nullptr;
  size_t entry_bytes_ = 0;
  uint32_t* sq_head_ = nullptr;
  uint32_t* sq_shared_tail_ = nullptr;
  uint32_t* sq_flags_ = nullptr;
  uint32_t sq_mask_ = 0;
  uint32_t sq_tail_ = 0;
  uint32_t sq_submitted_ = 0;
  uint32_t submits_ = 1;
  uint32_t* cq_shared_head_ = nullptr;
  uint32_t* cq_tail_ = nullptr;
  uint32_t* cq_flags_ = nullptr;
  io_uring_cqe* completions_ = nullptr;
  uint32_t cq_mask_ = 0;
  uint32_t cq_head_ = 0;
};

}  // namespace expressgateway::transport
