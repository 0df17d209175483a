#include "transport/uring_ring.h"

#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace expressgateway::transport {
namespace {

// SUBMIT_ALL: a submission that fails says so in its completion, and the others are not held up.
constexpr uint32_t kSetupFlags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL |
                                 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                 IORING_SETUP_TASKRUN_FLAG;

// Both rings in one mapping; completions beyond the ring's size wait in the kernel.
constexpr uint32_t kNeededFeatures = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP;

uint32_t* Word(void* base, uint32_t offset) {
  return reinterpret_cast<uint32_t*>(static_cast<uint8_t*>(base) + offset);
}

}  // namespace

UringRing::~UringRing() {
  if (entries_ != nullptr) munmap(entries_, entry_bytes_);
  if (rings_ != nullptr) munmap(rings_, ring_bytes_);
  if (fd_ >= 0) close(fd_);
  if (event_ >= 0) close(event_);
}

int UringRing::Open(uint32_t submissions, uint32_t completions) {
  io_uring_params parameters = {};
  parameters.flags = kSetupFlags;
  parameters.cq_entries = completions;
  fd_ = static_cast<int>(syscall(__NR_io_uring_setup, submissions, &parameters));
  if (fd_ < 0) return errno;
  if ((parameters.features & kNeededFeatures) != kNeededFeatures) return ENOSYS;
  features_ = parameters.features;
  enter_fd_ = fd_;
  int error = Map(parameters);
  if (error == 0) error = Announcing();
  if (error != 0) return error;
  // Saves looking the descriptor up at every call; works as well without.
  io_uring_rsrc_update self = {};
  self.offset = UINT32_MAX;
  self.data = static_cast<uint64_t>(fd_);
  if (syscall(__NR_io_uring_register, fd_, IORING_REGISTER_RING_FDS, &self, 1) == 1) {
    enter_fd_ = static_cast<int>(self.offset);
    enter_flags_ = IORING_ENTER_REGISTERED_RING;
  }
  return 0;
}

int UringRing::Map(const io_uring_params& parameters) {
  const io_sqring_offsets& sq = parameters.sq_off;
  const io_cqring_offsets& cq = parameters.cq_off;
  ring_bytes_ = std::max(sq.array + parameters.sq_entries * sizeof(uint32_t),
                         cq.cqes + parameters.cq_entries * sizeof(io_uring_cqe));
  entry_bytes_ = parameters.sq_entries * sizeof(io_uring_sqe);
  constexpr int kAccess = PROT_READ | PROT_WRITE;
  constexpr int kMapping = MAP_SHARED | MAP_POPULATE;
  void* rings = mmap(nullptr, ring_bytes_, kAccess, kMapping, fd_, IORING_OFF_SQ_RING);
  if (rings == MAP_FAILED) return errno;
  rings_ = rings;
  void* entries = mmap(nullptr, entry_bytes_, kAccess, kMapping, fd_, IORING_OFF_SQES);
  if (entries == MAP_FAILED) return errno;
  entries_ = static_cast<io_uring_sqe*>(entries);
  sq_head_ = Word(rings_, sq.head);
  sq_shared_tail_ = Word(rings_, sq.tail);
  sq_flags_ = Word(rings_, sq.flags);
  sq_mask_ = *Word(rings_, sq.ring_mask);
  cq_shared_head_ = Word(rings_, cq.head);
  cq_tail_ = Word(rings_, cq.tail);
  cq_flags_ = Word(rings_, cq.flags);
  cq_mask_ = *Word(rings_, cq.ring_mask);
  completions_ = reinterpret_cast<io_uring_cqe*>(Word(rings_, cq.cqes));
  // Submissions are used in the order of their entries.
  for (uint32_t index = 0; index <= sq_mask_; index++) Word(rings_, sq.array)[index] = index;
  return 0;
}

int UringRing::Announcing() {
  event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return event_ < 0 ? errno : Register(IORING_REGISTER_EVENTFD, &event_, 1);
}

int UringRing::Register(uint32_t operation, void* argument, uint32_t count) {
  return syscall(__NR_io_uring_register, fd_, operation, argument, count) < 0 ? errno : 0;
}

io_uring_sqe* UringRing::Stage() {
  if (staged() > sq_mask_) Submit(false);
  io_uring_sqe* entry = &entries_[sq_tail_++ & sq_mask_];
  std::memset(entry, 0, sizeof(*entry));
  return entry;
}

int UringRing::Submit(bool run_tasks) {
  __atomic_store_n(sq_shared_tail_, sq_tail_, __ATOMIC_RELEASE);
  submits_++;
  for (;;) {
    uint32_t flags = enter_flags_ | (run_tasks ? IORING_ENTER_GETEVENTS : 0);
    long taken = syscall(__NR_io_uring_enter, enter_fd_, staged(), 0, flags, nullptr, 0);
    if (taken >= 0) sq_submitted_ += static_cast<uint32_t>(taken);
    if (taken >= 0 && staged() == 0) return 0;
    if (taken >= 0 || errno == EINTR) continue;
    if (errno != EAGAIN && errno != EBUSY && errno != ENOMEM) return errno;
    // The kernel is short of memory; it may have some when it has done what is ready.
    run_tasks = true;
    sched_yield();
  }
}

bool UringRing::Take(Completion* completion) {
  if (!has_completions()) return false;
  const io_uring_cqe& entry = completions_[cq_head_++ & cq_mask_];
  *completion = {entry.user_data, entry.res, entry.flags};
  __atomic_store_n(cq_shared_head_, cq_head_, __ATOMIC_RELEASE);
  return true;
}

void UringRing::Announce(bool on) {
  __atomic_store_n(cq_flags_, on ? 0 : IORING_CQ_EVENTFD_DISABLED, __ATOMIC_RELEASE);
  // Whoever adds work from here on sees the flag, or we see the work.
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void UringRing::Acknowledge() {
  uint64_t count;
  // It may not have told anything.
  if (read(event_, &count, sizeof(count)) < 0) return;
}

}  // namespace expressgateway::transport
