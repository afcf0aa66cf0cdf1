// What a user asks of a running engine, and the commands door.
#pragma once

#include <array>
#include <cstdint>
#include <havklo/event.hpp>
#include <havklo/limits.hpp>
#include <string_view>
#include <type_traits>

namespace havklo {

struct Command {
  enum class Kind : uint8_t { subscribe, unsubscribe, reconnect, close };
  Kind kind = Kind::close;
  Channel channel = Channel::book;  // subscribe, unsubscribe
  uint8_t session = 0;
  uint16_t depth = 0;  // subscribe: of a book its levels, of ohlc its interval in minutes
  uint8_t symbol_bytes = 0;
  std::array<char, symbol_bytes_max> symbol_text{};

  [[nodiscard]] std::string_view symbol() const { return {symbol_text.data(), symbol_bytes}; }
};
static_assert(std::is_trivially_copyable_v<Command>);

// The commands door: what users asked since the last turn, in order.
class CommandDoor {
 public:
  virtual ~CommandDoor() = default;
  // The oldest command not yet taken, good until pop(); null when there is none.
  [[nodiscard]] virtual const Command* peek() = 0;
  // Takes what peek showed.
  virtual void pop() = 0;
};

}  // namespace havklo
