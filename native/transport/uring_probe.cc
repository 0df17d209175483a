#include "transport/uring_probe.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "transport/uring_buffers.h"
#include "transport/uring_ring.h"

namespace expressgateway::transport {
namespace {

constexpr uint32_t kEntries = 4;
constexpr uint32_t kMemoryBytes = 4096;
constexpr uint32_t kBufferBytes = 1024;

// The kernel answers at once; more tries than it can need.
constexpr int kTries = 100;

std::string Describe(const char* what, int error) {
  std::string text = std::string(what) + ": " + strerrorname_np(error);
  switch (error) {
    case EPERM:
    case EACCES:
      return text + " (seccomp or kernel.io_uring_disabled)";
    case EINVAL:
      return text + " (kernel too old: 6.1 is needed)";
    case ENOSYS:
      return text + " (no io_uring in this kernel or sandbox)";
    case ENOMEM:
      return text + " (RLIMIT_MEMLOCK or the memory limit is too low)";
    default:
      return text;
  }
}

class Trial {
 public:
  ~Trial() {
    for (int fd : sockets_) {
      if (fd >= 0) close(fd);
    }
    if (memory_ != MAP_FAILED) munmap(memory_, kMemoryBytes);
  }

  std::string Run() {
    int error = ring_.Open(kEntries, 2 * kEntries);
    if (error != 0) return Describe("io_uring_setup", error);
    // Memory that stays valid: the kernel lets go of a ring only after it was closed.
    memory_ = mmap(nullptr, kMemoryBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) return Describe("mmap", errno);
    error = buffers_.Open(&ring_, static_cast<uint8_t*>(memory_), kMemoryBytes, kBufferBytes);
    if (error != 0) return Describe("provided buffers", error);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets_) != 0) {
      return Describe("socketpair", errno);
    }
    return TryReceive();
  }

 private:
  // Sends two bytes one after the other through the ring: one receive has to meet both.
  std::string TryReceive() {
    io_uring_sqe* receive = ring_.Stage();
    receive->opcode = IORING_OP_RECV;
    receive->ioprio = IORING_RECV_MULTISHOT;
    receive->flags = IOSQE_BUFFER_SELECT;
    receive->fd = sockets_[0];
    receive->buf_group = UringBuffers::kGroup;
    receive->user_data = kReceive;
    for (int count = 0; count < 2; count++) {
      StageSend();
      std::string reason = AwaitByte();
      if (!reason.empty()) return reason;
    }
    return "";
  }

  void StageSend() {
    io_uring_sqe* send = ring_.Stage();
    send->opcode = IORING_OP_SEND;
    send->fd = sockets_[1];
    send->addr = reinterpret_cast<uint64_t>("x");
    send->len = 1;
    send->msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    send->user_data = kSend;
  }

  std::string AwaitByte() {
    for (int tries = 0; tries < kTries; tries++) {
      int error = ring_.Submit(true);
      if (error != 0) return Describe("io_uring_enter", error);
      Completion completion;
      while (ring_.Take(&completion)) {
        bool receive = completion.mark == kReceive;
        if (completion.result < 0) {
          return Describe(receive ? "multishot receive" : "send", -completion.result);
        }
        if (!receive) continue;
        bool more = (completion.flags & IORING_CQE_F_MORE) != 0;
        bool buffer = (completion.flags & IORING_CQE_F_BUFFER) != 0;
        return more && buffer ? "" : "kernel too old: no multishot receive";
      }
    }
    return "multishot receive: no answer";
  }

  static constexpr uint64_t kReceive = 1;
  static constexpr uint64_t kSend = 2;

  int sockets_[2] = {-1, -1};
  void* memory_ = MAP_FAILED;
  UringBuffers buffers_;
  UringRing ring_;
};

}  // namespace

std::string ProbeUring() { return Trial().Run(); }

}  // namespace expressgateway::transport
