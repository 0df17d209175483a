// The queue against a plain string that is appended to and cut.
#include "transport/send_queue.h"

#include <algorithm>
#include <string>

#include "support/random.h"
#include "support/registry.h"

namespace expressgateway::transport {
namespace {

using test::Random;

bool Append(SendQueue* queue, const std::string& bytes) {
  return queue->Append(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

// What `capacity` pieces show.
std::string Peek(const SendQueue& queue, int capacity) {
  iovec pieces[64];
  int count = queue.Peek(pieces, capacity);
  CHECK(count <= capacity);
  std::string seen;
  for (int index = 0; index < count; index++) {
    CHECK(pieces[index].iov_len > 0);
    seen.append(static_cast<const char*>(pieces[index].iov_base), pieces[index].iov_len);
  }
  return seen;
}

std::string RandomBytes(Random* random) {
  // Around the size of a block, where appends are divided, as well as small and large.
  constexpr uint32_t kBlock = 16 * 1024;
  uint32_t size = random->OneIn(3) ? random->Between(kBlock - 40, kBlock + 40) : random->Below(300);
  if (random->OneIn(20)) size = random->Below(3 * kBlock);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random->Word());
  return bytes;
}

void Step(Random* random, SendQueue* queue, std::string* model) {
  uint32_t choice = random->Below(10);
  if (choice < 5) {
    std::string bytes = RandomBytes(random);
    CHECK(Append(queue, bytes));
    *model += bytes;
  } else if (choice < 9) {
    auto size = random->OneIn(5) ? model->size() : random->Word() % (model->size() + 1);
    queue->Pop(size);
    model->erase(0, size);
  } else if (random->OneIn(20)) {
    queue->Clear();
    model->clear();
  }
}

TEST("send queue: gives what was appended, in order, however it is cut") {
  Random random(test::ChooseSeed());
  for (int run = 0; run < 20; run++) {
    SendQueue queue;
    std::string model;
    for (int step = 0; step < 300; step++) {
      Step(&random, &queue, &model);
      CHECK_EQ(queue.bytes(), model.size());
      CHECK_EQ(queue.empty(), model.empty());
      std::string seen = Peek(queue, static_cast<int>(random.Between(1, 64)));
      CHECK(seen == model.substr(0, seen.size()));
      CHECK(!seen.empty() || model.empty());
    }
    std::string rest;
    while (!queue.empty()) {
      std::string seen = Peek(queue, 64);
      rest += seen;
      queue.Pop(seen.size());
    }
    CHECK(rest == model);
  }
}

TEST("send queue: is empty after nothing was appended") {
  SendQueue queue;
  CHECK(Append(&queue, ""));
  CHECK(queue.empty());
  CHECK_EQ(Peek(queue, 4), "");
  queue.Pop(0);
  queue.Clear();
  CHECK_EQ(queue.bytes(), 0);
}

TEST("send queue: fills its last block before it takes another") {
  SendQueue queue;
  for (int count = 0; count < 1000; count++) CHECK(Append(&queue, "0123456789"));
  iovec pieces[4];
  CHECK_EQ(queue.Peek(pieces, 4), 1);
  CHECK_EQ(pieces[0].iov_len, 10000);
}

}  // namespace
}  // namespace expressgateway::transport
