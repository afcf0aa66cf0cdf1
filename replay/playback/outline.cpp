// The index at the end of a file, or its block headers one after the other.
#include "replay/playback/outline.hpp"

#include <filesystem>
#include <fstream>
#include <utility>

#include "replay/recording/block_search.hpp"
#include "replay/recording/reader.hpp"

namespace havklo::replay {
namespace {

std::optional<BlockHeader> read_head(std::ifstream& file, uint64_t offset) {
  BlockHeaderBytes bytes{};
  file.clear();
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(reinterpret_cast<char*>(bytes.data()), bytes.size());
  if (static_cast<size_t>(file.gcount()) != bytes.size()) return std::nullopt;
  return decode_block_header(bytes);
}

// The closing block, which ends with its own offset.
std::optional<Closing> read_index(std::ifstream& file, FileOutline& outline) {
  uint64_t offset = 0;
  if (outline.bytes < BlockHeader::bytes + sizeof offset) return std::nullopt;
  file.seekg(static_cast<std::streamoff>(outline.bytes - sizeof offset));
  file.read(reinterpret_cast<char*>(&offset), sizeof offset);
  if (!file || offset > outline.bytes - BlockHeader::bytes) return std::nullopt;
  const auto head = read_head(file, offset);
  if (!head || head->kind != BlockKind::closing ||
      offset + BlockHeader::bytes + head->payload_bytes != outline.bytes) {
    return std::nullopt;
  }
  std::vector<std::byte> payload(head->payload_bytes);
  file.read(reinterpret_cast<char*>(payload.data()), head->payload_bytes);
  if (static_cast<size_t>(file.gcount()) != payload.size()) return std::nullopt;
  if (crc32c(0, payload) != head->payload_crc) return std::nullopt;
  outline.end = head->progress;
  return read_closing(payload);
}

// From header to header, over the payloads; up to the first that is not one.
void scan(std::ifstream& file, FileOutline& outline) {
  uint64_t offset = 0;
  BlockSearch search(file, offset);
  for (uint32_t number = 0;; ++number) {
    const auto head = search.next();
    if (!head || head->number != number || search.at() != offset) return;
    const uint64_t next = offset + BlockHeader::bytes + head->payload_bytes;
    if (next > outline.bytes || head->kind == BlockKind::closing) return;
    outline.end = head->progress;
    if (head->kind == BlockKind::turns) {
      outline.blocks.push_back({.offset = offset,
                                .time = head->progress.time,
                                .turns = head->progress.turns,
                                .sequence = head->progress.sequence});
    }
    offset = next;
  }
}

// Whether another file goes on; nothing if the file is none.
std::optional<bool> read_file(const std::string& path, FileOutline& outline) {
  std::error_code error;
  outline.path = path;
  outline.bytes = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  const auto head = read_head(file, 0);
  if (error || !head || head->kind != BlockKind::header) return std::nullopt;
  outline.begin = outline.end = head->progress;
  if (auto closing = read_index(file, outline)) {
    outline.has_index = true;
    outline.stride = closing->stride;
    outline.blocks = std::move(closing->entries);
    return closing->reason == ClosingReason::continued;
  }
  outline.end = outline.begin;
  scan(file, outline);
  return false;
}

}  // namespace

std::expected<Outline, std::string> Outline::read(const std::string& path) {
  const auto reader = Reader::open(path);
  if (!reader) return std::unexpected(reader.error());
  if (reader->is_pipe()) {
    return std::unexpected(
        "'" + path + "' is a pipe, in which nothing can be looked up: write it to a file first");
  }
  const std::string first = reader->files().front();
  Outline outline;
  for (uint32_t segment = 0;; ++segment) {
    FileOutline file;
    const auto goes_on = read_file(segment_path(first, segment), file);
    const bool fits =
        outline.files_.empty() || is_same_place(file.begin, outline.files_.back().end);
    if (!goes_on || !fits) break;
    outline.files_.push_back(std::move(file));
    if (!*goes_on) break;
  }
  if (outline.files_.empty()) return std::unexpected("'" + first + "' has changed meanwhile");
  return outline;
}

template <class Reaches>
std::optional<Place> Outline::find(const Reaches& reaches) const {
  for (const FileOutline& file : files_) {
    if (!reaches(file.end.time, file.end.sequence)) continue;
    Place place{.file = &file, .first_turn = file.begin.turns + 1, .last_turn = file.end.turns};
    if (!file.blocks.empty()) place.offset = file.blocks.front().offset;
    for (const IndexEntry& block : file.blocks) {
      if (reaches(block.time, block.sequence)) {
        place.last_turn = block.turns;
        // With a stride it may lie in a block between the last entry and this one.
        if (file.stride == 1) place.offset = block.offset;
        break;
      }
      place.first_turn = block.turns + 1;
      place.offset = block.offset;
    }
    return place;
  }
  return std::nullopt;
}

std::optional<Place> Outline::find_time(Instant time) const {
  return find([time](Instant until, uint64_t) { return until >= time; });
}

std::optional<Place> Outline::find_event(uint64_t sequence) const {
  return find([sequence](Instant, uint64_t until) { return until >= sequence; });
}

}  // namespace havklo::replay
