// Random words as commands, against the model: far ends read exactly what the valid ones say, and
// whatever the others say does no harm.
#include <cerrno>
#include <climits>
#include <iterator>
#include <string>

#include "stress/command_model.h"
#include "support/pattern.h"
#include "support/random.h"
#include "support/registry.h"

namespace expressgateway::test {
namespace {

using namespace transport;  // NOLINT: the names of commands are what this is about.

constexpr int kRounds = 12;
constexpr int kPrograms = 250;
constexpr int kConnections = 12;
constexpr Sizes kSizes = {256 * 1024, 64 * 1024, 32, 64, 32};

class CommandFuzz {
 public:
  CommandFuzz(const std::string& engine, uint64_t seed)
      : random_(seed), scene_(engine, kSizes), model_(&scene_, kSizes) {
    for (uint32_t at = 0; at < kSizes.out_bytes; at++) {
      scene_.host.out()[at] = static_cast<uint8_t>(random_.Word());
    }
  }

  // Connections, programs, and then what every far end has seen.
  void Round() {
    for (int index = 0; index < kConnections; index++) {
      Modelled one;
      one.link = scene_.Make(kKinds[index % 4]);
      one.number = number_++;
      model_.connections.push_back(std::move(one));
    }
    scene_.host.on_event = [this](const Event& event, Record&) {
      if (event.kind == kEventData && random_.OneIn(4)) RunProgram(&event);
    };
    for (int program = 0; program < kPrograms; program++) {
      RunProgram(nullptr);
      scene_.host.Turn(0);
      for (Modelled& one : model_.connections) Exchange(&one);
    }
    scene_.host.on_event = nullptr;
    for (Modelled& one : model_.connections) Conclude(&one);
    model_.connections.clear();
    scene_.host.Until("all are gone", [this] { return scene_.host.transport().connections() == 0; });
    scene_.host.accepted.clear();
  }

 private:
  // Leaves words in the ring and has them carried out. `event`: within its batch.
  void RunProgram(const Event* event) {
    uint32_t count = random_.Below(kSizes.commands + 1);
    for (uint32_t index = 0; index < count; index++) scene_.host.commands()[index] = ChooseCommand(event);
    if (random_.OneIn(50)) count = static_cast<uint32_t>(random_.Word());
    // What earlier programs left there may send from a slab that is another by now.
    for (uint32_t index = 0; index < kSizes.commands; index++) Tame(&scene_.host.commands()[index], event);
    model_.Read(count);
    scene_.host.transport().Run(count);
  }

  int32_t ChooseKind() {
    uint32_t choice = random_.Below(400);
    if (choice < 4) return static_cast<int32_t>(kCommandEnd + choice);
    if (choice < 60) return kCommandPause;
    if (choice < 160) return kCommandResume;
    if (choice < 220) return kCommandSendSlab;
    return choice < 240 ? AnyWord() : kCommandSendOut;
  }

  int32_t AnyWord() {
    constexpr int32_t kEdges[] = {0, 1, -1, 8, 9, INT_MAX, INT_MIN, 31, 32, 33,
                                  int32_t{kSizes.out_bytes}, int32_t{kSizes.out_bytes} + 1,
                                  int32_t{kSizes.slab_bytes}, int32_t{kSizes.slab_bytes} + 1};
    if (random_.OneIn(2)) return kEdges[random_.Below(std::size(kEdges))];
    return static_cast<int32_t>(random_.Word());
  }

  Command ChooseCommand(const Event* event) {
    Command command = {ChooseKind(), AnyWord(), AnyWord(), AnyWord()};
    if (!random_.OneIn(8)) command.id = static_cast<int32_t>(random_.Below(kConnections + 1));
    if (random_.OneIn(4)) return command;
    if (command.kind == kCommandSendSlab && event != nullptr) {
      auto size = static_cast<uint32_t>(event->b - event->a);
      command.a = event->a + static_cast<int32_t>(random_.Below(size));
      command.b = command.a + static_cast<int32_t>(random_.Below(static_cast<uint32_t>(event->b - command.a) + 1));
    } else {
      uint32_t most = random_.OneIn(20) ? kSizes.out_bytes : 3000;
      command.a = static_cast<int32_t>(random_.Below(kSizes.out_bytes));
      command.b = command.a + static_cast<int32_t>(random_.Below(most));
    }
    return command;
  }

  // Only the bytes of an event are certain, and only in its batch.
  void Tame(Command* command, const Event* event) {
    if (command->kind != kCommandSendSlab) return;
    bool certain = event != nullptr && command->a >= event->a && command->b <= event->b;
    bool nothing = command->a < 0 || command->b <= command->a || command->b > int32_t{kSizes.slab_bytes};
    if (!certain && !nothing) command->kind = kCommandSendOut;
  }

  // The far end sends something at times, and reads what there is.
  void Exchange(Modelled* one) {
    if (random_.OneIn(3)) {
      const auto* bytes = reinterpret_cast<const char*>(pattern_.At(one->number, one->sent));
      ssize_t sent = one->link.peer.Send({bytes, random_.Between(1, 3000)});
      if (sent > 0) one->sent += static_cast<size_t>(sent);
      one->reset = one->reset || (sent < 0 && sent != -EAGAIN);
    }
    ReadAll(one);
    const std::string& received = one->link.record->received;
    CHECK(received.size() <= one->sent);
  }

  void ReadAll(Modelled* one) {
    ssize_t got = 1;
    while (got > 0) got = one->link.peer.Read(&one->read);
    one->over = one->over || got != -EAGAIN;
    one->reset = one->reset || (got < 0 && got != -EAGAIN);
    CHECK(one->read.size() <= one->expected.size());
    CHECK(one->expected.compare(0, one->read.size(), one->read) == 0);
  }

  bool Settled(Modelled* one) {
    ReadAll(one);
    if (one->dropped || one->finished) return one->over && one->link.record->closed;
    bool all = one->read.size() == one->expected.size() && one->over == one->ended;
    return all && one->link.record->received.size() == one->sent;
  }

  void Conclude(Modelled* one) {
    Record* record = one->link.record.get();
    if (one->untouched() || (one->ended && !one->finished && !one->dropped)) scene_.host.Resume(record);
    scene_.host.Until("the far end has seen all", [&] { return Settled(one); });
    CHECK(record->received == pattern_.Text(one->number, record->received.size()));
    if (one->finished && !one->dropped && !one->reset) CHECK(one->read == one->expected);
    if (one->finished || one->dropped) return;
    CHECK(!one->reset);
    CHECK_EQ(scene_.host.slot(one->link.record).queued, 0);
    scene_.host.Destroy(record);
  }

  Random random_;
  Pattern pattern_;
  Scene scene_;
  CommandModel model_;
  uint32_t number_ = 0;
};

TRANSPORT_TEST("fuzz: random words as commands do what the valid ones among them say") {
  CommandFuzz fuzz(engine, ChooseSeed());
  for (int round = 0; round < kRounds; round++) fuzz.Round();
}

}  // namespace
}  // namespace expressgateway::test
