// How one connection of the stress test behaves on both sides, by its number alone.
#pragma once

#include <cstdint>

#include "support/random.h"

namespace expressgateway::test {

enum class Answer {
  kEcho,
  kSwallow,
  // After `answer_bytes`.
  kReset,
  kDestroy,
  kFinish,
};

enum class Ending {
  // After all bytes.
  kEnd,
  kFinish,
  // After `end_bytes`, which may be none at all.
  kReset,
  kDestroy,
};

struct Plan {
  uint32_t bytes = 0;
  Answer answer = Answer::kEcho;
  uint32_t answer_bytes = 0;
  Ending ending = Ending::kEnd;
  uint32_t end_bytes = 0;
  // Sends without regard of whether it is blocked.
  bool floods = false;
  // Sends before it is connected.
  bool hurries = false;
  // Pause for a while now and then.
  bool dialler_rests = false;
  bool acceptor_rests = false;
  // Which of the listeners it dials.
  uint32_t listener = 0;
  // It speaks TLS, as that listener does.
  bool secure = false;

  // All bytes must arrive, and those of an echo come back.
  bool whole() const {
    if (answer == Answer::kEcho) return ending == Ending::kEnd;
    // A dialler that has finished answers what TLS still sends it, session tickets, with RST.
    bool finishes = ending == Ending::kFinish && !secure;
    return answer == Answer::kSwallow && (ending == Ending::kEnd || finishes);
  }
};

inline uint32_t ChooseSize(Random* random) {
  uint32_t choice = random->Below(100);
  if (choice < 60) return random->Between(4, 2'000);
  if (choice < 90) return random->Between(4, 32'000);
  if (choice < 98) return random->Between(4, 200'000);
  return random->Between(4, 1'500'000);
}

inline Answer ChooseAnswer(Random* random) {
  uint32_t choice = random->Below(20);
  if (choice < 10) return Answer::kEcho;
  if (choice < 14) return Answer::kSwallow;
  if (choice < 16) return Answer::kReset;
  return choice < 18 ? Answer::kDestroy : Answer::kFinish;
}

inline Ending ChooseEnding(Random* random, Answer answer) {
  uint32_t choice = random->Below(20);
  if (choice < 4) return Ending::kReset;
  if (choice < 8) return Ending::kDestroy;
  return answer == Answer::kSwallow && choice < 14 ? Ending::kFinish : Ending::kEnd;
}

inline Plan MakePlan(uint64_t seed, uint32_t number, uint32_t listeners) {
  Random random(seed * 1'000'003 + number);
  Plan plan;
  plan.bytes = ChooseSize(&random);
  plan.answer = ChooseAnswer(&random);
  plan.answer_bytes = random.Between(4, plan.bytes);
  plan.ending = ChooseEnding(&random, plan.answer);
  plan.end_bytes = random.OneIn(4) ? 0 : random.Below(plan.bytes);
  plan.floods = random.OneIn(5);
  plan.hurries = random.OneIn(3);
  plan.dialler_rests = random.OneIn(4);
  plan.acceptor_rests = random.OneIn(4);
  plan.listener = random.Below(listeners);
  return plan;
}

}  // namespace expressgateway::test
