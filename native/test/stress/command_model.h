// What commands should do to connections whose far ends only send and read, told from the words of
// the ring alone: an independent reading of layout.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/scene.h"

namespace expressgateway::test {

// One connection, and what its far end must see.
struct Modelled {
  Link link;
  // What the far end has sent, of the pattern of `number`.
  uint32_t number = 0;
  size_t sent = 0;
  // What the far end must read, and has read.
  std::string expected;
  std::string read;
  // It has read the end, or met RST: the kernel tells of that once, to a send or a read, and then of an
  // end.
  bool over = false;
  bool reset = false;
  bool ended = false;
  bool finished = false;
  bool dropped = false;

  bool untouched() const { return !ended && !finished && !dropped; }
};

class CommandModel {
 public:
  CommandModel(Scene* scene, const Sizes& sizes) : scene_(scene), sizes_(sizes) {}

  // Reads the first `count` words of the ring, before the transport carries them out.
  void Read(uint32_t count);

  std::vector<Modelled> connections;

 private:
  void ReadOne(const transport::Command& command);
  void ReadSend(const transport::Command& command, Modelled* target) const;

  Scene* scene_;
  Sizes sizes_;
};

}  // namespace expressgateway::test
