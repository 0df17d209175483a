// The table against a set of the numbers that are taken.
#include "transport/slot_table.h"

#include <climits>
#include <map>
#include <vector>

#include "support/random.h"
#include "support/registry.h"

namespace expressgateway::transport {
namespace {

using test::Random;

TEST("slot table: gives as many slots as it may, then none") {
  for (uint32_t capacity : {0u, 1u, 1023u, 1024u, 1025u, 3000u}) {
    SlotTable table(capacity);
    std::vector<Connection*> taken;
    for (uint32_t count = 0; count < capacity; count++) taken.push_back(table.Take());
    CHECK(table.Take() == nullptr);
    CHECK_EQ(table.taken(), capacity);
    for (uint32_t id = 0; id < capacity; id++) {
      CHECK(table.Find(static_cast<int32_t>(id)) == taken[id]);
      CHECK_EQ(taken[id]->id, id);
    }
  }
}

TEST("slot table: finds nothing under numbers that it never gave") {
  SlotTable table(10);
  CHECK(table.Find(0) == nullptr);
  table.Take();
  CHECK(table.Find(0) != nullptr);
  for (int32_t id : {-1, 1, 9, 10, 1024, INT_MAX, INT_MIN}) CHECK(table.Find(id) == nullptr);
}

TEST("slot table: uses the slot again that was given back last") {
  SlotTable table(10);
  Connection* first = table.Take();
  Connection* second = table.Take();
  table.Release(first);
  table.Release(second);
  CHECK(table.Take() == second);
  CHECK(table.Take() == first);
}

TEST("slot table: forgets all about a user but counts the generation on") {
  SlotTable table(1);
  Connection* connection = table.Take();
  uint32_t generation = connection->generation;
  connection->fd = 7;
  connection->state = State::kOpen;
  connection->paused = connection->peer_ended = connection->in_ready = true;
  uint8_t bytes[100] = {};
  connection->queue.Append(bytes, sizeof(bytes));
  table.Release(connection);
  CHECK(table.Take() == connection);
  CHECK_EQ(connection->id, 0);
  CHECK_EQ(connection->fd, -1);
  CHECK(connection->state == State::kFree);
  CHECK(!connection->paused && !connection->peer_ended && !connection->in_ready);
  CHECK(connection->queue.empty());
  CHECK_EQ(connection->generation, generation + 1);
}

TEST("slot table: never has two owners of one slot, nor one generation twice") {
  Random random(test::ChooseSeed());
  constexpr uint32_t kCapacity = 2500;
  SlotTable table(kCapacity);
  std::vector<Connection*> owned;
  std::map<int32_t, uint32_t> last_generation;
  std::vector<bool> taken(kCapacity);
  for (int step = 0; step < 100'000; step++) {
    // Long waves, so that the table is full and empty by turns.
    bool takes = random.Below(100) < ((step / 10'000) % 2 == 0 ? 65u : 35u);
    if (takes) {
      Connection* connection = table.Take();
      CHECK_EQ(connection == nullptr, owned.size() == kCapacity);
      if (connection == nullptr) continue;
      auto id = static_cast<size_t>(connection->id);
      CHECK(!taken[id]);
      taken[id] = true;
      auto [entry, fresh] = last_generation.try_emplace(connection->id, connection->generation);
      CHECK(fresh || connection->generation > entry->second);
      entry->second = connection->generation;
      owned.push_back(connection);
    } else if (!owned.empty()) {
      std::swap(owned[random.Below(static_cast<uint32_t>(owned.size()))], owned.back());
      taken[static_cast<size_t>(owned.back()->id)] = false;
      table.Release(owned.back());
      owned.pop_back();
    }
    CHECK_EQ(table.taken(), owned.size());
  }
}

}  // namespace
}  // namespace expressgateway::transport
