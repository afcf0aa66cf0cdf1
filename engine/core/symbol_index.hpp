// From a symbol's text, as it stands in a message, to its id: one probe or two of an open-addressed
// table.
//
// Only looked up, never iterated, so its order cannot matter. Grows never; sized for symbols_max at
// half load.
// Threads: loop thread.
// Cost:    one hash of at most symbol_bytes_max bytes and about one comparison.
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
      : names_(names), slots_(std::make_unique<uint32_t[]>(slot_count)) {}

  [[nodiscard]] std::optional<SymbolId> find(std::string_view symbol) const {
    for (uint32_t at = home(symbol);; at = (at + 1) & (slot_count - 1)) {
      const uint32_t entry = slots_[at];
      if (entry == 0) return std::nullopt;
      const SymbolId id{entry - 1};
      if (names_.symbol(id) == symbol) return id;
    }
  }

  // The id, given out on first use; nothing when the table of names is full.
  std::optional<SymbolId> intern(std::string_view symbol) {
    if (const auto known = find(symbol)) return known;
    const auto id = names_.intern_symbol(symbol);
    if (!id) return std::nullopt;
    uint32_t at = home(symbol);
    while (slots_[at] != 0) at = (at + 1) & (slot_count - 1);
    slots_[at] = static_cast<uint32_t>(*id) + 1;
    return id;
  }

 private:
  static constexpr uint32_t slot_count = symbols_max * 2;
  static_assert((slot_count & (slot_count - 1)) == 0);

  static uint32_t home(std::string_view symbol) {
    uint64_t hash = symbol.size();
    size_t at = 0;
    for (; at + 8 <= symbol.size(); at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, symbol.data() + at, 8);
      hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
    }
    uint64_t tail = 0;
    std::memcpy(&tail, symbol.data() + at, symbol.size() - at);
    hash = (hash ^ tail) * 0x9E3779B97F4A7C15U;
    return static_cast<uint32_t>(hash >> 40U) & (slot_count - 1);
  }

  Names& names_;
  std::unique_ptr<uint32_t[]> slots_;  // id + 1; 0: free
};

}  // namespace havklo::core
