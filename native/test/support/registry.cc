#include "support/registry.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "transport/engines.h"

namespace expressgateway::test {
namespace {

// The slowest test takes some 30 s under a sanitizer on a busy machine; one that takes longer hangs.
constexpr unsigned kTestSeconds = 180;

struct Test {
  std::string name;
  std::function<void()> body;
};

struct Outcome {
  int passed = 0;
  int failed = 0;
};

std::vector<Test>& Tests() {
  static std::vector<Test> tests;
  return tests;
}

std::string& Notes() {
  static std::string notes;
  return notes;
}

// The engines that this machine lets run; the others are named.
std::vector<std::string> FindEngines() {
  std::vector<std::string> engines;
  for (const char* engine : {"epoll", "io_uring"}) {
    std::string reason = transport::ProbeEngine(engine);
    if (reason.empty()) {
      engines.emplace_back(engine);
    } else {
      std::printf("SKIPPED the tests of %s: %s\n", engine, reason.c_str());
    }
  }
  return engines;
}

const std::vector<std::string>& Engines() {
  static const std::vector<std::string> engines = FindEngines();
  return engines;
}

int OpenDescriptors() {
  DIR* directory = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(directory) != nullptr) count++;
  closedir(directory);
  return count;
}

[[noreturn]] void RunHere(const Test& test) {
  alarm(kTestSeconds);
  int before = OpenDescriptors();
  test.body();
  CHECK_EQ(OpenDescriptors(), before);
  std::exit(0);
}

bool RunApart(const Test& test) {
  auto start = std::chrono::steady_clock::now();
  std::fflush(nullptr);
  pid_t child = fork();
  if (child == 0) RunHere(test);
  int status = -1;
  waitpid(child, &status, 0);
  auto took = std::chrono::steady_clock::now() - start;
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  std::printf("%s %s (%ld ms)\n", passed ? "ok" : "FAILED", test.name.c_str(), static_cast<long>(ms));
  if (WIFSIGNALED(status)) std::printf("  ended by signal: %s\n", strsignal(WTERMSIG(status)));
  return passed;
}

bool Wanted(const Test& test, int argc, char** argv) {
  bool wanted = argc < 2;
  for (int index = 1; index < argc; index++) {
    wanted = wanted || test.name.find(argv[index]) != std::string::npos;
  }
  return wanted;
}

// Arguments pick tests by a part of their names.
int Main(int argc, char** argv) {
  Outcome outcome;
  for (const Test& test : Tests()) {
    if (Wanted(test, argc, argv)) (RunApart(test) ? outcome.passed : outcome.failed)++;
  }
  std::printf("%d passed, %d failed\n", outcome.passed, outcome.failed);
  return outcome.failed == 0 && outcome.passed > 0 ? 0 : 1;
}

}  // namespace

Registration::Registration(const char* name, Body body) { Tests().push_back({name, body}); }

Registration::Registration(const char* name, EngineBody body) {
  for (const std::string& engine : Engines()) {
    Tests().push_back({engine + ": " + name, [engine, body] { body(engine); }});
  }
}

void Note(const std::string& text) { Notes() += "  with " + text + "\n"; }

void Fail(const char* file, int line, const std::string& text) {
  std::printf("%s:%d: %s\n%s", file, line, text.c_str(), Notes().c_str());
  std::fflush(nullptr);
  _exit(1);
}

}  // namespace expressgateway::test

int main(int argc, char** argv) { return expressgateway::test::Main(argc, argv); }
