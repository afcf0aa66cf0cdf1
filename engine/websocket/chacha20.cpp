// The ChaCha20 block function.
#include "websocket/chacha20.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace havklo::websocket {
namespace {

// A row of the state: four words, one in each lane.
using Row = uint32_t __attribute__((vector_size(16)));
using State = std::array<Row, 4>;

constexpr size_t double_rounds = 10;

// "expand 32-byte k", as little-endian words.
constexpr Row constants = {0x61707865, 0x3320646E, 0x79622D32, 0x6B206574};

// Between the machine's words and those of the stream.
Row little_endian(Row row) {
  if constexpr (std::endian::native == std::endian::big) {
    for (size_t i = 0; i < 4; ++i) row[i] = std::byteswap(row[i]);
  }
  return row;
}

Row row_of(const std::byte* bytes) {
  Row row;
  std::memcpy(&row, bytes, sizeof row);
  return little_endian(row);
}

Row rotated(Row row, int by) { return row << by | row >> (32 - by); }

// Four quarter rounds: one in each column.
void quarter_rounds(State& state) {
  auto& [a, b, c, d] = state;
  a += b;
  d = rotated(d ^ a, 16);
  c += d;
  b = rotated(b ^ c, 12);
  a += b;
  d = rotated(d ^ a, 8);
  c += d;
  b = rotated(b ^ c, 7);
}

// Columns, then diagonals: the rows are turned until those stand in columns, and back.
void double_round(State& state) {
  quarter_rounds(state);
  state[1] = __builtin_shufflevector(state[1], state[1], 1, 2, 3, 0);
  state[2] = __builtin_shufflevector(state[2], state[2], 2, 3, 0, 1);
  state[3] = __builtin_shufflevector(state[3], state[3], 3, 0, 1, 2);
  quarter_rounds(state);
  state[1] = __builtin_shufflevector(state[1], state[1], 3, 0, 1, 2);
  state[2] = __builtin_shufflevector(state[2], state[2], 2, 3, 0, 1);
  state[3] = __builtin_shufflevector(state[3], state[3], 1, 2, 3, 0);
}

}  // namespace

ChaCha20Block chacha20_block(const ChaCha20Key& key, uint32_t counter, const ChaCha20Nonce& nonce) {
  std::array<std::byte, sizeof(Row)> last{};
  std::ranges::copy(nonce, last.begin() + sizeof counter);
  State first = {constants, row_of(key.data()), row_of(key.data() + sizeof(Row)),
                 row_of(last.data())};
  first[3][0] = counter;
  State state = first;
  for (size_t i = 0; i < double_rounds; ++i) double_round(state);
  for (size_t i = 0; i < state.size(); ++i) state[i] = little_endian(state[i] + first[i]);
  return std::bit_cast<ChaCha20Block>(state);
}

}  // namespace havklo::websocket
