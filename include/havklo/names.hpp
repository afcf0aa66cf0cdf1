// The texts that events point to: symbols, and what a venue said when it refused one.
//
// Owns:    a fixed, preallocated table of texts that only grows. Events carry small ids into it, so
//          that an event stays 64 bytes and a reader compares integers.
// Threads: one writer (the engine). A reader may look up any id that reached it through the ring:
//          the entry was written before the event was published, and never changes.
// Cost:    text(id) is an index; intern() is a linear search, on the cold path only.
#pragma once

#include <array>
#include <cstdint>
#include <havklo/limits.hpp>
#include <memory>
#include <optional>
#include <string_view>

namespace havklo {

enum class SymbolId : uint32_t {};
enum class TextId : uint32_t { not_kept = 0 };

class Names {
 public:
  Names();

  // The symbol's id, given out on first use. Nothing when the table is full or the symbol is empty
  // or too long.
  std::optional<SymbolId> intern_symbol(std::string_view symbol);
  // The id if the symbol is known.
  [[nodiscard]] std::optional<SymbolId> find_symbol(std::string_view symbol) const;
  [[nodiscard]] std::string_view symbol(SymbolId id) const;
  [[nodiscard]] uint32_t symbol_count() const { return symbol_count_; }

  // Longer texts are cut, between two characters; a full table answers TextId::not_kept.
  TextId intern_text(std::string_view text);
  [[nodiscard]] std::string_view text(TextId id) const;

 private:
  struct Symbol {
    uint8_t bytes;
    std::array<char, symbol_bytes_max> text;
  };
  struct Text {
    uint8_t bytes;
    std::array<char, text_bytes_max> text;
  };
  std::unique_ptr<Symbol[]> symbols_;
  std::unique_ptr<Text[]> texts_;
  uint32_t symbol_count_ = 0;
  uint32_t text_count_ = 0;
};

}  // namespace havklo
