// Commands that make no sense: they are ignored, and memory stays safe. Under AddressSanitizer a step
// beyond an arena ends the test.
#include <climits>
#include <string>
#include <vector>

#include "support/registry.h"
#include "support/scene.h"

namespace expressgateway::test {
namespace {

using namespace transport;  // NOLINT: the names of commands are what this is about.

// Runs one command as it stands.
void Run(TestHost* host, const Command& command) {
  host->commands()[0] = command;
  host->transport().Run(1);
}

constexpr int32_t kAllKinds[] = {kCommandSendOut, kCommandSendSlab, kCommandPause, kCommandResume,
                                 kCommandEnd,     kCommandDestroy,  kCommandReset, kCommandFinish};

TRANSPORT_TEST("commands: for numbers that are no connection are ignored") {
  Scene scene(engine);
  Link link = scene.Make(Kind::kAccepted);
  Link gone = scene.Make(Kind::kAccepted);
  scene.host.Destroy(gone.record.get());
  scene.host.AwaitClose(gone.record);
  for (int32_t id : {-1, gone.record->id, 1023, 1024, 2047, 2048, INT_MAX, INT_MIN}) {
    for (int32_t kind : kAllKinds) Run(&scene.host, {kind, id, 0, 16});
  }
  scene.Settle();
  CHECK(!link.record->closed);
  scene.host.Send(*link.record, "well");
  CHECK_EQ(scene.ReadAt(&link, 4), "well");
}

TRANSPORT_TEST("commands: of kinds that are none are ignored") {
  Scene scene(engine);
  Link link = scene.Make(Kind::kAccepted);
  for (int32_t kind : {0, 9, 10, -1, 1000, INT_MAX, INT_MIN}) {
    Run(&scene.host, {kind, link.record->id, 0, 16});
  }
  scene.SendFrom(&link, "still read");
  scene.AwaitReceived(link, 10);
  CHECK(!link.record->closed);
}

TRANSPORT_TEST("commands: ranges that are not inside their arena send nothing") {
  Sizes sizes;
  Scene scene(engine, sizes);
  for (Kind kind : {Kind::kAccepted, Kind::kDialledUnix}) {
    Link link = scene.Make(kind);
    for (bool slab : {false, true}) {
      int32_t send = slab ? kCommandSendSlab : kCommandSendOut;
      auto size = static_cast<int32_t>(slab ? sizes.slab_bytes : sizes.out_bytes);
      const int32_t ranges[][2] = {{0, 0},        {5, 5},           {6, 5},          {0, size + 1},
                                   {size, size + 1}, {size - 1, size + 1}, {-1, 5},  {0, -1},
                                   {-2, -1},      {INT_MIN, INT_MAX}, {INT_MAX, INT_MIN}, {size, 0},
                                   {-1, size},    {INT_MAX, INT_MAX}};
      for (const auto& range : ranges) Run(&scene.host, {send, link.record->id, range[0], range[1]});
    }
    scene.host.Send(*link.record, "mark");
    CHECK_EQ(scene.ReadAt(&link, 4), "mark");
    CHECK_EQ(scene.host.slot(link.record).queued, 0);
  }
}

TRANSPORT_TEST("commands: a whole arena, and its last byte, may be sent") {
  Sizes sizes;
  Scene scene(engine, sizes);
  Link link = scene.Make(Kind::kAccepted);
  auto out = static_cast<int32_t>(sizes.out_bytes);
  auto slab = static_cast<int32_t>(sizes.slab_bytes);
  for (int32_t at = 0; at < out; at++) scene.host.out()[at] = static_cast<uint8_t>(at * 7);
  std::string wanted(reinterpret_cast<const char*>(scene.host.out()), sizes.out_bytes);
  wanted += wanted.back();
  wanted.append(reinterpret_cast<const char*>(scene.host.slab()), sizes.slab_bytes);
  wanted += static_cast<char>(scene.host.slab()[slab - 1]);
  int32_t id = link.record->id;
  scene.host.commands()[0] = {kCommandSendOut, id, 0, out};
  scene.host.commands()[1] = {kCommandSendOut, id, out - 1, out};
  scene.host.commands()[2] = {kCommandSendSlab, id, 0, slab};
  scene.host.commands()[3] = {kCommandSendSlab, id, slab - 1, slab};
  scene.host.transport().Run(4);
  CHECK(scene.ReadAt(&link, wanted.size()) == wanted);
}

TRANSPORT_TEST("commands: a count beyond the ring is cut to it") {
  Scene scene(engine, kTiny);
  Link link = scene.Make(Kind::kAccepted);
  for (uint32_t index = 0; index < kTiny.commands; index++) {
    scene.host.out()[index] = static_cast<uint8_t>('a' + index);
    auto at = static_cast<int32_t>(index);
    scene.host.commands()[index] = {kCommandSendOut, link.record->id, at, at + 1};
  }
  scene.host.transport().Run(0);
  scene.host.transport().Run(UINT32_MAX);
  CHECK_EQ(scene.ReadAt(&link, kTiny.commands), "abcdefgh");
}

TRANSPORT_TEST("commands: bad ones among good ones of a run do not part it") {
  Scene scene(engine);
  Link link = scene.Make(Kind::kAccepted);
  Link other = scene.Make(Kind::kAccepted);
  std::string text = "0123456789";
  for (size_t at = 0; at < text.size(); at++) scene.host.out()[at] = static_cast<uint8_t>(text[at]);
  Command* commands = scene.host.commands();
  int32_t id = link.record->id;
  commands[0] = {kCommandSendOut, id, 0, 3};
  commands[1] = {kCommandSendOut, id, 9, 3};
  commands[2] = {99, id, 0, 3};
  commands[3] = {kCommandSendOut, id, 3, 5};
  commands[4] = {kCommandSendOut, -5, 0, 10};
  commands[5] = {kCommandSendOut, other.record->id, 0, 10};
  commands[6] = {kCommandSendOut, id, 5, 10};
  scene.host.transport().Run(7);
  CHECK_EQ(scene.ReadAt(&link, 10), text);
  CHECK_EQ(scene.ReadAt(&other, 10), text);
}

TRANSPORT_TEST("commands: nothing that follows an end in the same run touches its slot") {
  Scene scene(engine);
  for (Kind kind : kKinds) {
    for (int32_t end : {kCommandDestroy, kCommandReset, kCommandFinish}) {
      Link link = scene.Make(kind);
      int32_t id = link.record->id;
      scene.host.commands()[0] = {end, id, 0, 0};
      uint32_t count = 1;
      for (int32_t next : kAllKinds) scene.host.commands()[count++] = {next, id, 0, 16};
      link.record->dropped_in = scene.host.batches;
      scene.host.transport().Run(count);
      scene.host.AwaitClose(link.record);
      CHECK_EQ(link.record->error, 0);
      CHECK_EQ(scene.host.transport().connections(), 0);
    }
  }
}

}  // namespace
}  // namespace expressgateway::test
