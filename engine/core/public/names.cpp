// The table of names: fixed memory, filled from the front.
#include <algorithm>
#include <havklo/names.hpp>

namespace havklo {
namespace {

constexpr std::string_view not_kept = "(text not kept)";

// At most `most` bytes of a text in UTF-8, and no part of a character.
size_t whole_characters(std::string_view text, size_t most) {
  constexpr size_t character_bytes_max = 4;
  if (text.size() <= most) return text.size();
  const auto goes_on = [text](size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80;
  };
  size_t end = most;
  while (goes_on(end) && most - end < character_bytes_max) --end;
  return goes_on(end) ? most : end;  // no text in UTF-8
}

}  // namespace

Names::Names()
    : symbols_(std::make_unique<Symbol[]>(symbols_max)),
      texts_(std::make_unique<Text[]>(texts_max)) {}

std::optional<SymbolId> Names::intern_symbol(std::string_view symbol) {
  if (const auto known = find_symbol(symbol)) return known;
  if (symbol.empty() || symbol.size() > symbol_bytes_max || symbol_count_ == symbols_max) {
    return std::nullopt;
  }
  Symbol& entry = symbols_[symbol_count_];
  entry.bytes = static_cast<uint8_t>(symbol.size());
  std::ranges::copy(symbol, entry.text.begin());
  return SymbolId{symbol_count_++};
}

std::optional<SymbolId> Names::find_symbol(std::string_view symbol) const {
  for (uint32_t at = 0; at < symbol_count_; ++at) {
    if (this->symbol(SymbolId{at}) == symbol) return SymbolId{at};
  }
  return std::nullopt;
}

std::string_view Names::symbol(SymbolId id) const {
  const auto at = static_cast<uint32_t>(id);
  if (at >= symbols_max) return {};
  return {symbols_[at].text.data(), symbols_[at].bytes};
}

// Id 0 stands for what was not kept, so entry n has id n + 1.
TextId Names::intern_text(std::string_view text) {
  text = text.substr(0, whole_characters(text, text_bytes_max));
  for (uint32_t at = 0; at < text_count_; ++at) {
    if (this->text(TextId{at + 1}) == text) return TextId{at + 1};
  }
  if (text_count_ == texts_max) return TextId::not_kept;
  Text& entry = texts_[text_count_];
  entry.bytes = static_cast<uint8_t>(text.size());
  std::ranges::copy(text, entry.text.begin());
  return TextId{++text_count_};
}

std::string_view Names::text(TextId id) const {
  const auto at = static_cast<uint32_t>(id);
  if (at == 0 || at > texts_max) return not_kept;
  return {texts_[at - 1].text.data(), texts_[at - 1].bytes};
}

}  // namespace havklo
