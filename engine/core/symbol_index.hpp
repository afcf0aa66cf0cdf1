// From a symbol's text, as it stands in a message, to its id: one probe or two of an open-addressed
// table.
//
// Only looked up, never iterated, so its order cannot matter. Grows never; sized for symbols_max at
// half load.
// Threads: loop thread.
// Cost:    a multiplication and about one comparison of two words: a slot keeps the first and the
//          last eight characters, which are all of nearly every symbol; longer ones compare text.
#pragma once

#include <cstdint>
#include <cstring>
#include <havklo/limits.hpp>
#include <havklo/names.hpp>
#include <memory>
#include <optional>
#include <string_view>

namespace havklo::core {

class SymbolIndex {
 public:
  explicit SymbolIndex(Names& names)
      : names_(names), slots_(std::make_unique<Slot[]>(slot_count)) {}

  [[nodiscard]] std::optional<SymbolId> find(std::string_view symbol) const {
    const Key key = key_of(symbol);
    const Slot& slot = slots_[home(key)];
    const bool found = slot.key == key && symbol.size() <= 16;
    const uint32_t entry = found ? slot.entry : find_further(symbol);
    if (entry == 0) return std::nullopt;
    return SymbolId{entry - 1};
  }

  // The id, given out on first use; nothing when the table of names is full.
  std::optional<SymbolId> intern(std::string_view symbol) {
    if (const auto known = find(symbol)) return known;
    const auto id = names_.intern_symbol(symbol);
    if (!id) return std::nullopt;
    const Key key = key_of(symbol);
    uint32_t at = home(key);
    while (slots_[at].entry != 0) at = (at + 1) & (slot_count - 1);
    slots_[at] = {key, static_cast<uint32_t>(*id) + 1};
    return id;
  }

 private:
  static constexpr uint32_t slot_count = symbols_max * 2;
  static_assert((slot_count & (slot_count - 1)) == 0);

  // Two symbols of at most sixteen characters are the same when their keys are.
  struct Key {
    uint64_t first = 0;
    uint64_t last = 0;
    uint32_t size = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Slot {
    Key key;
    uint32_t entry = 0;  // id + 1; 0: free
  };

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
  static uint32_t home(const Key& key) {
    constexpr uint64_t odd = 0x9E3779B97F4A7C15U;
    const uint64_t hash = ((key.first * odd) ^ key.last) * odd;
    return static_cast<uint32_t>(hash >> 40U) & (slot_count - 1);
  }

  // The entry of one that is longer than what a slot keeps, or not in its own place; 0: none.
  [[nodiscard, gnu::noinline]] uint32_t find_further(std::string_view symbol) const {
    const Key key = key_of(symbol);
    for (uint32_t at = home(key);; at = (at + 1) & (slot_count - 1)) {
      const Slot& slot = slots_[at];
      if (slot.entry == 0) return 0;
      if (!(slot.key == key)) continue;
      if (symbol.size() <= 16 || names_.symbol(SymbolId{slot.entry - 1}) == symbol)
        return slot.entry;
    }
  }

  Names& names_;
  std::unique_ptr<Slot[]> slots_;
};

}  // namespace havklo::core
