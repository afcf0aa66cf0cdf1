// Gives each symbol of an engine its id, the same for all of its sessions.
//
// Threads: loop thread.
// Cost:    a look-up for a symbol that is known; else that of Names::intern_symbol().
#pragma once

#include <havklo/names.hpp>
#include <optional>
#include <string_view>

#include "core/wishes/symbol_table.hpp"

namespace havklo::core {

class SymbolIndex {
 public:
  explicit SymbolIndex(Names& names) : names_(names), ids_(names) {}

  // The id, given out on first use; nothing when the table of names is full.
  std::optional<SymbolId> intern(std::string_view symbol) {
    if (const SymbolId* known = ids_.find(symbol)) return *known;
    const auto id = names_.intern_symbol(symbol);
    if (id) ids_[*id] = *id;
    return id;
  }
  // The id, if it has one.
  [[nodiscard]] std::optional<SymbolId> find(std::string_view symbol) const {
    const SymbolId* const known = ids_.find(symbol);
    return known == nullptr ? std::nullopt : std::optional(*known);
  }

 private:
  Names& names_;
  SymbolTable<SymbolId> ids_;
};

}  // namespace havklo::core
