// The sends of a run of commands between their submission and their completion: what the kernel has
// to read of them while it sends, and what is queued when it takes less.
#pragma once

#include <linux/io_uring.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "transport/connection.h"

namespace expressgateway::transport {

class UringSends {
 public:
  struct Item {
    Connection* connection;
    const iovec* pieces;
    int count;
    size_t bytes;
    msghdr message;
  };

  UringSends();

  bool HasRoom(int pieces) const {
    return used_ < kItems && used_pieces_ + pieces <= kPieces && used_bytes_ <= kBytes;
  }
  // Fills the submission, all but its mark, with a send that never waits. Returns the item's number.
  uint32_t Add(Connection* connection, const iovec* pieces, int count, io_uring_sqe* entry);
  Item& item(uint32_t number) { return items_[number]; }
  // One of them has completed.
  void Done() { done_++; }
  bool empty() const { return used_ == 0; }
  bool complete() const { return done_ == used_; }
  void Clear() { used_ = done_ = used_pieces_ = used_bytes_ = 0; }

 private:
  // Sends of one submission; more make another one.
  static constexpr uint32_t kItems = 1024;
  static constexpr uint32_t kPieces = 4096;
  static constexpr uint32_t kBytes = 512 * 1024;

  int Keep(const iovec* pieces, int count);

  std::unique_ptr<Item[]> items_;
  std::unique_ptr<iovec[]> pieces_;
  // Small pieces, copied into one.
  std::unique_ptr<uint8_t[]> bytes_;
  uint32_t used_ = 0;
  uint32_t used_pieces_ = 0;
  uint32_t used_bytes_ = 0;
  uint32_t done_ = 0;
};

}  // namespace expressgateway::transport
