// Receives datagrams by the batch into the slab and describes each by a record. The kernel may hand over
// a run of equal datagrams of one peer as one (UDP_GRO); here they become datagrams again.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>

#include "udp/layout.h"

namespace expressgateway::udp {

// Room for the largest run that there can be, so that nothing is ever cut.
constexpr uint32_t kMessageBytes = 64 * 1024;

// Messages of one system call. The slab may have room for fewer.
constexpr uint32_t kMaxReceives = 32;

class Receiver {
 public:
  explicit Receiver(const SharedMemory& memory);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // One system call. How many messages came, or a negative errno. What came before is forgotten.
  int Receive(int fd);
  // Writes records of what came, as many as there is room for, and returns how many; 0: that was all.
  uint32_t Describe();

  int capacity() const { return static_cast<int>(capacity_); }

 private:
  struct Slots;

  void Begin();
  void Put(Datagram* record);

  SharedMemory memory_;
  uint32_t capacity_;
  std::unique_ptr<Slots> slots_;
  // The message that is being described, how many there are, and the next byte of it.
  uint32_t message_ = 0;
  uint32_t messages_ = 0;
  uint32_t next_ = 0;
  uint32_t end_ = 0;
  // Its datagrams have so many bytes, the last one the rest.
  uint32_t segment_ = 0;
  // Something of it is left, if only an empty datagram.
  bool pending_ = false;
  // Its addresses.
  Datagram model_ = {};
};

}  // namespace expressgateway::udp
