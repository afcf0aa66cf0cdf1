// From a symbol's text, as it stands in a message, to what is kept for it: an open-addressed table
// of which half is free.
//
// Owns:       its slots, which only grow: a symbol stays once it is in.
// Not owned:  the names, which hold the texts.
// Threads:    loop thread.
// Invariants: a slot lies in one cache line.
// Cost:       a multiplication and about one comparison of two words: a slot keeps the first and
//             the last eight characters, which are all of nearly every symbol; longer ones compare
//             text. Allocates when it grows.
// Only looked up, never iterated, so its order cannot matter. A pointer into it is good until the
// next symbol is added.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <havklo/names.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace havklo::core {

template <class Value>
class SymbolTable {
 public:
  explicit SymbolTable(const Names& names) : names_(names), slots_(slots_min) {}

  // Null: it is not in.
  [[nodiscard]] const Value* find(std::string_view symbol) const {
    const Key key = key_of(symbol);
    const Slot& slot = slots_[home(key)];
    if (slot.key == key && symbol.size() <= key_chars) [[likely]]
      return &slot.value;
    return find_further(symbol);
  }

  // What is kept for a symbol; a Value{} when there is nothing yet.
  [[nodiscard]] Value& operator[](SymbolId id) {
    const std::string_view symbol = names_.symbol(id);
    if (const Value* known = find(symbol)) return const_cast<Value&>(*known);
    if (2 * (symbols_ + 1) > slots_.size()) grow();
    ++symbols_;
    Slot& slot = slots_[free_for(key_of(symbol))];
    slot = {.key = key_of(symbol), .id = id, .value = {}};
    return slot.value;
  }

 private:
  static constexpr size_t slots_min = 16;
  static constexpr size_t key_chars = 16;
  static constexpr uint32_t no_size = ~0U;  // of a slot that is free: no symbol's

  // Two symbols of at most key_chars characters are the same when their keys are.
  struct Key {
    uint64_t first = 0;
    uint64_t last = 0;
    uint32_t size = no_size;
    friend bool operator==(const Key&, const Key&) = default;
  };
  static constexpr size_t slot_bytes =
      std::bit_ceil(sizeof(Key) + sizeof(SymbolId) + sizeof(Value));
  struct alignas(slot_bytes) Slot {
    Key key;
    SymbolId id{};
    Value value{};
  };
  static_assert(sizeof(Slot) <= 64);

  template <class Word>
  static uint64_t word_at(const char* at) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
  }
  // The words overlap where there are fewer characters than they hold.
  static Key key_of(std::string_view symbol) {
    const char* const data = symbol.data();
    const size_t size = symbol.size();
    Key key{.size = static_cast<uint32_t>(size)};
    if (size >= 8) {
      key.first = word_at<uint64_t>(data);
      key.last = word_at<uint64_t>(data + size - 8);
    } else if (size >= 4) {
      key.first = word_at<uint32_t>(data);
      key.last = word_at<uint32_t>(data + size - 4);
    } else {
      for (const char c : symbol) key.first = key.first << 8U | static_cast<unsigned char>(c);
    }
    return key;
  }
  [[nodiscard]] size_t home(const Key& key) const {
    constexpr uint64_t odd = 0x9E3779B97F4A7C15U;
    const uint64_t hash = ((key.first * odd) ^ key.last) * odd;
    return (hash >> 40U) & (slots_.size() - 1);
  }
  [[nodiscard]] size_t after(size_t at) const { return (at + 1) & (slots_.size() - 1); }
  [[nodiscard]] size_t free_for(const Key& key) const {
    size_t at = home(key);
    while (slots_[at].key.size != no_size) at = after(at);
    return at;
  }

  // One that is longer than what a slot keeps, or not in its own place.
  [[nodiscard, gnu::noinline]] const Value* find_further(std::string_view symbol) const {
    const Key key = key_of(symbol);
    for (size_t at = home(key);; at = after(at)) {
      const Slot& slot = slots_[at];
      if (slot.key.size == no_size) return nullptr;
      if (!(slot.key == key)) continue;
      if (symbol.size() <= key_chars || names_.symbol(slot.id) == symbol) return &slot.value;
    }
  }

  void grow() {
    const std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    for (const Slot& slot : before) {
      if (slot.key.size != no_size) slots_[free_for(slot.key)] = slot;
    }
  }

  const Names& names_;
  std::vector<Slot> slots_;  // a power of two of them
  size_t symbols_ = 0;
};

}  // namespace havklo::core
