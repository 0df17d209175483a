#include "tls/names.h"

#include <string>

#include "support/registry.h"

namespace expressgateway::test {
namespace {

using tls::NameTable;
using tls::NormalName;

TEST("names: compared without case and without the dot that may end them") {
  CHECK_EQ(NormalName("Www.Example.ORG."), "www.example.org");
  CHECK_EQ(NormalName(""), "");
  CHECK_EQ(NormalName("."), "");
  CHECK_EQ(NormalName("a.."), "a.");
  CHECK_EQ(NormalName("\xc3\x84.test"), "\xc3\x84.test");
}

TEST("names: exact before wildcard, the first certificate before a later one") {
  constexpr size_t kNone = 99;
  NameTable table;
  table.Add("*.example.org", 0);
  table.Add("www.example.org", 1);
  table.Add("www.example.org", 2);
  table.Add("*.example.org", 3);
  table.Add("*.deep.example.org", 4);
  table.Add("example.org", 5);
  const struct {
    const char* name;
    size_t certificate;
  } cases[] = {
      {"www.example.org", 1},  {"mail.example.org", 0}, {"example.org", 5},
      {"a.b.example.org", kNone}, {"x.deep.example.org", 4}, {"deep.example.org", 0},
      {".example.org", kNone}, {"", kNone},             {"org", kNone},
      {"*.example.org", 0},    {"127.0.0.1", kNone},    {"example.org.", kNone},
  };
  for (const auto& [name, certificate] : cases) CHECK_EQ(table.Find(name, kNone), certificate);
  std::string longest(10'000, 'a');
  CHECK_EQ(table.Find(longest, kNone), kNone);
  CHECK_EQ(table.Find(std::string("a\0b.example.org", 15), kNone), 0);
}

}  // namespace
}  // namespace expressgateway::test
