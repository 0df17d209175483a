// A test registry. Every test runs in a process of its own, so that one that crashes, hangs, lowers
// a limit or leaks is one failed test; afterwards no descriptor may be left open, and under
// LeakSanitizer no memory.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

namespace expressgateway::test {

using Body = void (*)();
using EngineBody = void (*)(const std::string& engine);

struct Registration {
  Registration(const char* name, Body body);
  // Runs once for every engine that can run here.
  Registration(const char* name, EngineBody body);
};

// A random choice that a failed test prints, such as a seed.
void Note(const std::string& text);

// Ends the test.
[[noreturn]] void Fail(const char* file, int line, const std::string& text);

template <typename T>
std::string Show(const T& value) {
  if constexpr (std::is_convertible_v<T, std::string>) {
    return std::string(value);
  } else {
    return std::to_string(value);
  }
}

template <typename A, typename B>
void CheckEqual(const char* place, int line, const char* text, const A& actual, const B& expected) {
  if (actual == static_cast<A>(expected)) return;
  Fail(place, line, std::string(text) + " is " + Show(actual) + ", not " + Show(expected));
}

}  // namespace expressgateway::test

#define CHECK(condition) \
  ((condition) ? (void)0 : ::expressgateway::test::Fail(__FILE__, __LINE__, #condition))
#define CHECK_EQ(actual, expected) \
  ::expressgateway::test::CheckEqual(__FILE__, __LINE__, #actual, actual, expected)

#define TEST_CONCAT2(a, b) a##b
#define TEST_CONCAT(a, b) TEST_CONCAT2(a, b)
#define TEST_OF(name, parameters)                                                              \
  static void TEST_CONCAT(Test, __LINE__) parameters;                                          \
  static const ::expressgateway::test::Registration TEST_CONCAT(registered, __LINE__)(         \
      name, TEST_CONCAT(Test, __LINE__));                                                      \
  static void TEST_CONCAT(Test, __LINE__) parameters

#define TEST(name) TEST_OF(name, ())
#define TRANSPORT_TEST(name) TEST_OF(name, (const std::string& engine))
