// From header to header, over the payloads; where one is damaged, byte by byte to the next.
#include "replay/recording/block_search.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <vector>

#include "replay/recording/format.hpp"

namespace havklo::replay {
namespace {

constexpr uint64_t window_bytes = 1024 * 1024;

// The first header at `at` or behind it; `at` is then where it lies.
std::optional<BlockHeader> find_header(std::ifstream& file, uint64_t& at, uint64_t end) {
  std::vector<std::byte> window;
  uint64_t wanted = BlockHeader::bytes;  // mostly it is there
  while (at < end && BlockHeader::bytes <= end - at) {
    window.resize(static_cast<size_t>(std::min(wanted, end - at)));
    wanted = window_bytes;
    file.clear();
    file.seekg(static_cast<std::streamoff>(at));
    file.read(reinterpret_cast<char*>(window.data()), static_cast<std::streamsize>(window.size()));
    if (static_cast<size_t>(file.gcount()) != window.size()) return std::nullopt;
    for (size_t i = 0; i + BlockHeader::bytes <= window.size(); ++i, ++at) {
      if (window[i] != std::byte{'H'}) continue;
      BlockHeaderBytes bytes{};
      std::memcpy(bytes.data(), window.data() + i, bytes.size());
      if (const auto header = decode_block_header(bytes)) return header;
    }
  }
  return std::nullopt;
}

}  // namespace

uint64_t file_end(std::ifstream& file) {
  file.clear();
  file.seekg(0, std::ios::end);
  return static_cast<uint64_t>(file.tellg());
}

uint64_t last_turn_from(std::ifstream& file, uint64_t at) {
  const uint64_t end = file_end(file);
  uint64_t turns = 0;
  while (const auto header = find_header(file, at, end)) {
    turns = std::max(turns, header->progress.turns);
    at += BlockHeader::bytes + header->payload_bytes;
  }
  return turns;
}

}  // namespace havklo::replay
