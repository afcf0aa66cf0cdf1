// Method: the table beside a sorted map, with seeded symbols of every length that share beginnings,
// ends and both; every look-up is of bytes that stand in a longer text, as in a message.
#include "core/wishes/symbol_table.hpp"

#include <gtest/gtest.h>

#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <map>
#include <string>

#include "core/wishes/symbol_index.hpp"

namespace havklo::core {
namespace {

// Few letters and few middles, so that keys and homes are shared.
std::string made_symbol(Random& random) {
  std::string symbol(1 + random.below(symbol_bytes_max), 'A');
  const uint64_t changes = random.below(4);
  for (uint64_t i = 0; i < changes; ++i) {
    symbol[random.below(symbol.size())] = static_cast<char>('A' + random.below(26));
  }
  return symbol;
}

// As a part of a text that goes on.
template <class Table>
auto find_in_text(const Table& table, const std::string& symbol) {
  const std::string text = "\"" + symbol + "\",";
  return table.find(std::string_view(text).substr(1, symbol.size()));
}

TEST(SymbolTable, AgreesWithASortedMap) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Names names;
    SymbolTable<uint64_t> table(names);
    std::map<std::string, uint64_t> model;
    for (int step = 0; step < 4'000; ++step) {
      const std::string symbol = made_symbol(random);
      const uint64_t* const found = find_in_text(table, symbol);
      const auto known = model.find(symbol);
      ASSERT_EQ(found != nullptr, known != model.end()) << symbol;
      if (found != nullptr) {
        ASSERT_EQ(*found, known->second) << symbol;
      }
      if (random.below(3) != 0) continue;
      const auto id = names.intern_symbol(symbol);
      ASSERT_TRUE(id);
      if (known == model.end()) {
        ASSERT_EQ(table[*id], 0U);
      }
      table[*id] = model[symbol] = 1 + random.next_u64() / 2;
    }
    for (const auto& [symbol, value] : model) {
      const uint64_t* const found = find_in_text(table, symbol);
      ASSERT_NE(found, nullptr) << symbol;
      ASSERT_EQ(*found, value) << symbol;
    }
  }
}

TEST(SymbolTable, KnowsNoSymbolWithoutText) {
  Names names;
  SymbolTable<uint64_t> table(names);
  EXPECT_EQ(table.find({}), nullptr);
  table[*names.intern_symbol("A")] = 1;
  EXPECT_EQ(table.find({}), nullptr);
  EXPECT_EQ(table.find(""), nullptr);
}

TEST(SymbolIndex, GivesASymbolOneIdAndNoMoreThanNamesHold) {
  Names names;
  SymbolIndex index(names);
  std::vector<SymbolId> ids;
  for (uint32_t i = 0; i < symbols_max; ++i) {
    const auto id = index.intern("S" + std::to_string(i) + "/USD");
    ASSERT_TRUE(id);
    ids.push_back(*id);
  }
  EXPECT_FALSE(index.intern("ONE/MORE"));
  EXPECT_FALSE(index.intern(""));
  for (uint32_t i = 0; i < symbols_max; ++i) {
    const std::string symbol = "S" + std::to_string(i) + "/USD";
    ASSERT_EQ(index.intern(symbol), ids[i]);
    ASSERT_EQ(names.symbol(ids[i]), symbol);
  }
}

}  // namespace
}  // namespace havklo::core
