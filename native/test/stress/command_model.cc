#include "stress/command_model.h"

#include <algorithm>

namespace expressgateway::test {

using namespace transport;  // NOLINT: the names of commands are what this is about.

void CommandModel::Read(uint32_t count) {
  count = std::min(count, sizes_.commands);
  for (uint32_t index = 0; index < count; index++) ReadOne(scene_->host.commands()[index]);
}

void CommandModel::ReadOne(const Command& command) {
  Modelled* target = nullptr;
  for (Modelled& one : connections) {
    if (one.link.record->id == command.id && !one.link.record->closed) target = &one;
  }
  if (target == nullptr || target->dropped) return;
  Record* record = target->link.record.get();
  switch (command.kind) {
    case kCommandSendOut:
    case kCommandSendSlab:
      return ReadSend(command, target);
    case kCommandPause:
      record->paused_in = scene_->host.batches;
      return;
    case kCommandResume:
      if (!target->finished) record->paused_in = -1;
      return;
    case kCommandEnd:
      target->ended = true;
      return;
    case kCommandFinish:
      target->finished = true;
      record->paused_in = scene_->host.batches;
      return;
    case kCommandDestroy:
    case kCommandReset:
      target->dropped = true;
      record->dropped_in = scene_->host.batches;
      return;
    default:
      return;
  }
}

void CommandModel::ReadSend(const Command& command, Modelled* target) const {
  if (target->ended || target->finished) return;
  bool slab = command.kind == kCommandSendSlab;
  uint32_t size = slab ? sizes_.slab_bytes : sizes_.out_bytes;
  if (command.a < 0 || command.b <= command.a || static_cast<uint32_t>(command.b) > size) return;
  const uint8_t* arena = slab ? scene_->host.slab() : scene_->host.out();
  target->expected.append(reinterpret_cast<const char*>(arena) + command.a,
                          static_cast<size_t>(command.b - command.a));
}

}  // namespace expressgateway::test
