#include "transport/uring_sends.h"

#include <cstring>

#include "transport/sockets.h"

namespace expressgateway::transport {

UringSends::UringSends()
    : items_(new Item[kItems]), pieces_(new iovec[kPieces]), bytes_(new uint8_t[kBytes + kFlattenBytes]) {}

uint32_t UringSends::Add(Connection* connection, const iovec* pieces, int count,
                         io_uring_sqe* entry) {
  uint32_t number = used_++;
  Item& item = items_[number];
  item.connection = connection;
  item.pieces = &pieces_[used_pieces_];
  item.count = Keep(pieces, count);
  item.bytes = 0;
  for (int index = 0; index < item.count; index++) item.bytes += item.pieces[index].iov_len;
  // A full socket answers at once: the kernel must not keep what it reads from.
  entry->msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  if (item.count == 1) {
    entry->opcode = IORING_OP_SEND;
    entry->addr = reinterpret_cast<uint64_t>(item.pieces[0].iov_base);
    entry->len = static_cast<uint32_t>(item.pieces[0].iov_len);
  } else {
    item.message = {};
    item.message.msg_iov = const_cast<iovec*>(item.pieces);
    item.message.msg_iovlen = static_cast<size_t>(item.count);
    entry->opcode = IORING_OP_SENDMSG;
    entry->addr = reinterpret_cast<uint64_t>(&item.message);
    entry->len = 1;
  }
  return number;
}

// The caller's list is gone before the kernel reads it. Returns how many pieces there are now.
int UringSends::Keep(const iovec* pieces, int count) {
  iovec* kept = &pieces_[used_pieces_];
  *kept = {&bytes_[used_bytes_], 0};
  if (count > 1 && Flatten(pieces, count, kept)) {
    used_bytes_ += static_cast<uint32_t>(kept->iov_len);
    count = 1;
  } else {
    std::memcpy(kept, pieces, static_cast<size_t>(count) * sizeof(iovec));
  }
  used_pieces_ += static_cast<uint32_t>(count);
  return count;
}

}  // namespace expressgateway::transport
