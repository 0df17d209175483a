// Bytes both ways.
#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "support/pattern.h"
#include "support/random.h"
#include "support/registry.h"
#include "support/scene.h"

namespace expressgateway::test {
namespace {

using transport::Event;

void EchoAll(TestHost* host) {
  host->on_event = [host](const Event& event, Record& record) {
    if (event.kind != transport::kEventData) return;
    host->SendBack(record, static_cast<uint32_t>(event.a), static_cast<uint32_t>(event.b));
  };
}

// The far end sends `text` in pieces of random sizes and reads the echo as it comes.
void Exchange(Scene* scene, Link* link, const std::string& text, Random* random) {
  size_t sent = 0;
  std::string read;
  scene->host.Until("all has come back", [&] {
    for (int count = 0; count < 8 && sent < text.size(); count++) {
      size_t most = random->OneIn(2) ? 200 : 100'000;
      size_t size = std::min<size_t>(text.size() - sent, random->Between(1, most));
      ssize_t taken = link->peer.Send(std::string_view(text).substr(sent, size));
      CHECK(taken > 0 || taken == -EAGAIN);
      if (taken < 0) break;
      sent += static_cast<size_t>(taken);
    }
    ssize_t got = link->peer.Read(&read, random->Between(1, 100'000));
    CHECK(got > 0 || got == -EAGAIN);
    return read.size() >= text.size();
  });
  CHECK(read == text);
  CHECK(link->record->received == text);
}

TRANSPORT_TEST("data: pieces of random sizes come back whole, on every kind of connection") {
  Random random(ChooseSeed());
  Pattern pattern;
  Scene scene(engine);
  EchoAll(&scene.host);
  uint32_t number = 0;
  for (Kind kind : kKinds) {
    for (size_t size : {1, 1000, 65536, 65537, 3'000'000}) {
      Link link = scene.Make(kind);
      Exchange(&scene, &link, pattern.Text(number++, size), &random);
      scene.host.Destroy(link.record.get());
      scene.host.AwaitClose(link.record);
    }
  }
}

TRANSPORT_TEST("data: many connections at once, each with its own bytes") {
  Random random(ChooseSeed());
  Pattern pattern;
  Scene scene(engine);
  EchoAll(&scene.host);
  constexpr uint32_t kLinks = 60;
  constexpr size_t kBytes = 60'000;
  std::vector<Link> links;
  for (uint32_t number = 0; number < kLinks; number++) links.push_back(scene.Make(kKinds[number % 4]));
  std::vector<std::string> read(kLinks);
  std::vector<size_t> sent(kLinks, 0);
  scene.host.Until("all has come back", [&] {
    bool done = true;
    for (uint32_t number = 0; number < kLinks; number++) {
      size_t size = std::min<size_t>(kBytes - sent[number], random.Between(1, 5000));
      const char* bytes = reinterpret_cast<const char*>(pattern.At(number, sent[number]));
      ssize_t taken = size == 0 ? 0 : links[number].peer.Send({bytes, size});
      if (taken > 0) sent[number] += static_cast<size_t>(taken);
      links[number].peer.Read(&read[number]);
      done = done && read[number].size() == kBytes;
    }
    return done;
  });
  for (uint32_t number = 0; number < kLinks; number++) {
    CHECK(read[number] == pattern.Text(number, kBytes));
  }
}

TRANSPORT_TEST("data: sends of one batch keep their order, however many and to whomever") {
  Random random(ChooseSeed());
  Scene scene(engine);
  std::vector<Link> links;
  for (Kind kind : kKinds) links.push_back(scene.Make(kind));
  std::vector<std::string> wanted(links.size());
  scene.host.on_event = [&](const Event& event, Record&) {
    if (event.kind != transport::kEventData) return;
    for (int count = 0; count < 2000; count++) {
      // Runs to one connection, longer and shorter than the pieces of one system call.
      size_t index = (static_cast<size_t>(count) / 70 + random.Below(2) * (count % 3 == 0)) % 4;
      std::string text = std::to_string(count) + std::string(random.Below(30), '.');
      scene.host.Send(*links[index].record, text);
      wanted[index] += text;
    }
  };
  scene.SendFrom(&links[0], "go");
  scene.AwaitReceived(links[0], 2);
  for (size_t index = 0; index < links.size(); index++) {
    CHECK(scene.ReadAt(&links[index], wanted[index].size()) == wanted[index]);
  }
}

TRANSPORT_TEST("data: from the slab and from the arena of sends by turns") {
  Scene scene(engine);
  scene.host.on_event = [&](const Event& event, Record& record) {
    if (event.kind != transport::kEventData) return;
    for (int32_t at = event.a; at < event.b; at++) {
      scene.host.SendBack(record, static_cast<uint32_t>(at), static_cast<uint32_t>(at) + 1);
      scene.host.Send(record, "-");
    }
  };
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    scene.SendFrom(&link, "abcdef");
    CHECK_EQ(scene.ReadAt(&link, 12), "a-b-c-d-e-f-");
  }
}

TRANSPORT_TEST("data: a peer that never stops does not keep the others from their turn") {
  Scene scene(engine, kTiny);
  Link flood = scene.Make(Kind::kAccepted);
  Link quiet = scene.Make(Kind::kAccepted);
  scene.host.keep_bytes = false;
  size_t flooded = 0;
  int answered = 0;
  scene.host.on_event = [&](const Event& event, Record& record) {
    if (event.kind != transport::kEventData) return;
    if (record.id == flood.record->id) flooded += static_cast<size_t>(event.b - event.a);
    if (record.id == quiet.record->id) answered++;
  };
  std::string bytes(1 << 20, 'x');
  for (int count = 1; count <= 20; count++) {
    CHECK_EQ(quiet.peer.Send("?"), 1);
    scene.host.Until("the quiet one was heard", [&] {
      flood.peer.Send(bytes);
      return answered == count;
    });
  }
  CHECK(flooded > bytes.size());
}

TRANSPORT_TEST("data: the probe sees bytes that wait, but takes none") {
  Scene scene(engine);
  for (Kind kind : kTcpKinds) {
    Link link = scene.Make(kind);
    CHECK_EQ(scene.host.transport().Probe(link.record->id), 0);
    scene.SendFrom(&link, "x");
    scene.AwaitReceived(link, 1);
    CHECK_EQ(scene.host.transport().Probe(link.record->id), 0);
    scene.host.Destroy(link.record.get());
    CHECK_EQ(scene.host.transport().Probe(link.record->id), 1);
    scene.host.AwaitClose(link.record);
    CHECK_EQ(scene.host.transport().Probe(link.record->id), 1);
  }
  for (int32_t id : {-1, 500, 2048, INT32_MAX, INT32_MIN}) {
    CHECK_EQ(scene.host.transport().Probe(id), 1);
  }
}

}  // namespace
}  // namespace expressgateway::test
