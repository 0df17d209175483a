// A run of datagrams on its way out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "udp/layout.h"

namespace expressgateway::udp {

struct Run {
  // Its `start` and `end` mean nothing here.
  const Datagram* path;
  const uint8_t* bytes;
  uint32_t size;
  // Bytes that were sent or given up.
  uint32_t sent;
  // So were all of its datagrams.
  bool done;
  // The kernel did not take it as a run: its datagrams go one by one.
  bool single;
};

// How many datagrams `bytes` of it are.
inline uint32_t CountDatagrams(const Datagram& path, uint32_t bytes) {
  return path.segment == 0 || bytes == 0 ? 1 : (bytes + path.segment - 1) / path.segment;
}

}  // namespace expressgateway::udp
