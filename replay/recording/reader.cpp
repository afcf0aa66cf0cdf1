// Block by block, and over the ends of files; what is damaged or missing is told in words.
#include "replay/recording/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <havklo/limits.hpp>
#include <string_view>
#include <utility>

#include "replay/recording/block_search.hpp"
#include "replay/recording/event_digest.hpp"
#include "replay/recording/old_event_digest.hpp"

namespace havklo::replay {
namespace {

// How far behind a missing file one looks for later ones.
constexpr uint32_t missing_files_max = 100;

// `night.hvk.3` without its number, if that is what it is.
std::string first_path_of(const std::string& path, uint32_t segment) {
  const std::string ending = "." + std::to_string(segment);
  return path.ends_with(ending) ? path.substr(0, path.size() - ending.size()) : path;
}

// What the header of a first file says: that nothing is before it.
Progress beginning_of(uint32_t format) {
  const bool is_old = format < format_with_short_entries;
  return {.digest = is_old ? OldEventDigest().value() : EventDigest().value()};
}

}  // namespace

std::expected<Reader, std::string> Reader::open(const std::string& path) {
  Reader reader;
  if (auto opened = reader.open_file(path); !opened) return std::unexpected(opened.error());
  if (reader.header_.segment != 0) {
    if (auto opened = reader.go_to_first(path); !opened) return std::unexpected(opened.error());
  }
  reader.path_ = reader.files_.front();
  if (!is_same_place(reader.last_block_, beginning_of(reader.header_.format))) {
    return std::unexpected(
        fmt::format("'{}': its header does not say that no turn is before it", reader.path_));
  }
  std::error_code error;
  for (uint32_t i = 0;
       !reader.is_pipe() && std::filesystem::is_regular_file(segment_path(reader.path_, i), error);
       ++i) {
    reader.file_bytes_ += std::filesystem::file_size(segment_path(reader.path_, i), error);
  }
  reader.demand_.add(reader.header_.sessions());
  if (auto fits = reader.check_demand(); !fits) return std::unexpected(fits.error());
  return reader;
}

// Opens a file of a recording and reads its header.
std::expected<void, std::string> Reader::open_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return std::unexpected(fmt::format("cannot read '{}': it is a directory", path));
  }
  file_ = std::ifstream(path, std::ios::binary);
  if (!file_) {
    return std::unexpected(fmt::format("cannot read '{}': {}", path, std::strerror(errno)));
  }
  file_size_ = file_size(file_);
  next_number_ = 0;
  next_at_ = 0;
  if (read_block(block_) != BlockStatus::good || block_.kind != BlockKind::header) {
    return std::unexpected(fmt::format("'{}' is not a recording, or its header is damaged", path));
  }
  auto header =
      parse_header({reinterpret_cast<const char*>(payload_.data()), block_.payload_bytes}, path);
  if (!header) return std::unexpected(header.error());
  header_ = std::move(*header);
  last_block_ = block_.progress;
  payload_at_ = payload_bytes_;
  closing_.reset();
  files_.push_back(path);
  return {};
}

std::expected<void, std::string> Reader::go_to_first(const std::string& path) {
  const RecordingHeader named = header_;
  const std::string first = first_path_of(path, named.segment);
  files_.clear();
  blocks_ = 0;
  const auto opened = open_file(first);
  if (!opened || header_.session != named.session || header_.segment != 0) {
    return std::unexpected(
        fmt::format("'{}' is file {} of a recording; its first file, '{}', {}", path, named.segment,
                    first, opened ? "belongs to another session" : "is missing or damaged"));
  }
  return {};
}

// A file that is still recorded to grows.
bool Reader::is_within_file(uint64_t end) {
  if (file_size_ && end > *file_size_) file_size_ = file_size(file_);
  return !file_size_ || end <= *file_size_;
}

// Reads the next block whole and checks it.
Reader::BlockStatus Reader::read_block(BlockHeader& header) {
  block_at_ = next_at_;
  BlockHeaderBytes bytes{};
  file_.read(reinterpret_cast<char*>(bytes.data()), bytes.size());
  if (file_.gcount() == 0) return BlockStatus::end;
  if (static_cast<size_t>(file_.gcount()) != bytes.size()) return BlockStatus::bad;
  const auto decoded = decode_block_header(bytes);
  if (!decoded || decoded->number != next_number_) return BlockStatus::bad;
  header = *decoded;
  next_at_ = block_at_ + bytes.size() + header.payload_bytes;
  if (!is_within_file(next_at_)) return BlockStatus::bad;
  // Never smaller: growing a vector again writes zeros first.
  if (payload_.size() < header.payload_bytes + receive_padding) {
    payload_.resize(header.payload_bytes + receive_padding);
  }
  payload_at_ = payload_bytes_ = header.payload_bytes;
  file_.read(reinterpret_cast<char*>(payload_.data()), header.payload_bytes);
  if (static_cast<size_t>(file_.gcount()) != payload_bytes_) return BlockStatus::bad;
  if (crc32c(0, std::span(payload_).first(payload_bytes_)) != header.payload_crc) {
    return BlockStatus::bad;
  }
  payload_at_ = 0;
  bytes_read_ += bytes.size() + payload_bytes_;
  ++next_number_;
  ++blocks_;
  return BlockStatus::good;
}

Reader::Status Reader::next(RecordedTurn& turn) {
  decoder_.begin(turn);
  bool inside = false;
  for (;;) {
    if (payload_at_ == payload_bytes_) {
      if (const auto status = begin_block(inside)) return *status;
      continue;
    }
    const auto rest =
        std::span<const std::byte>(payload_).first(payload_bytes_).subspan(payload_at_);
    if (header_.format >= format_with_padding &&
        rest.front() == std::byte{static_cast<uint8_t>(EntryTag::padding)}) {
      payload_at_ = payload_bytes_;
      continue;
    }
    ByteReader bytes(rest);
    const size_t before = bytes.left();
    const TurnDecoder::Taken taken = decoder_.take(bytes, header_.format, turn);
    if (taken == TurnDecoder::Taken::nothing) {
      return tear(fmt::format("block {} holds what is no entry", next_number_ - 1));
    }
    payload_at_ += before - bytes.left();
    if (taken == TurnDecoder::Taken::turn_end) return end_turn(turn);
    inside = true;
  }
}

Reader::Status Reader::end_turn(const RecordedTurn& turn) {
  for (const Command& command : turn.commands) demand_.add(command);
  if (const auto fits = check_demand(); !fits) return tear(fits.error());
  return Status::turn;
}

// Before an engine is made for them.
std::expected<void, std::string> Reader::check_demand() {
  const uint64_t most = book_bytes_max(std::max(file_bytes_, bytes_read_));
  if (demand_.bytes() <= most) return {};
  constexpr uint64_t mebibyte = 1024 * 1024;
  return std::unexpected(
      fmt::format("'{}': its books would take {} MiB; of a file of its size at most {}", path_,
                  demand_.bytes() / mebibyte, most / mebibyte));
}

// The block before is read up; nothing: the next one is there.
std::optional<Reader::Status> Reader::begin_block(bool inside_turn) {
  if (block_.kind == BlockKind::turns) {
    if (block_.progress.turns != decoder_.turns() || block_.progress.events != decoder_.events()) {
      return tear(fmt::format("block {} does not hold the turns that it says", next_number_ - 1));
    }
    last_block_ = block_.progress;  // what a report says of sequence and digest
  }
  if (closing_) {
    const Status status = end_of_file(inside_turn);
    if (status != Status::turn) return status;
    return std::nullopt;
  }
  if (inside_turn) decoder_.keep(std::exchange(payload_, {}));
  switch (read_block(block_)) {
    case BlockStatus::good:
      break;
    case BlockStatus::end:
      return tear("the closing block is missing");
    case BlockStatus::bad:
      return tear(fmt::format("block {} is cut short or damaged", next_number_) +
                  what_lies_behind());
  }
  if (block_.kind == BlockKind::header) return tear("a second header");
  if (block_.kind == BlockKind::turns) return std::nullopt;
  closing_ = read_closing(std::span<const std::byte>(payload_).first(payload_bytes_));
  if (!closing_) return tear("the closing block is damaged");
  if (!is_same_place(block_.progress, last_block_)) {
    return tear("the closing block does not fit the turns before it");
  }
  payload_at_ = payload_bytes_;
  return std::nullopt;
}

// Behind the closing block. `turn`: there is another file.
Reader::Status Reader::end_of_file(bool inside_turn) {
  if (file_.peek() != std::ifstream::traits_type::eof()) {
    return tear("something stands behind the closing block");
  }
  switch (closing_->reason) {
    case ClosingReason::continued:
      return go_over();
    case ClosingReason::finished:
      return inside_turn ? tear("the last turn has no end") : Status::end;
    case ClosingReason::slow_disk:
      return tear("recording stopped early: the disk was too slow");
    case ClosingReason::disk_error:
      return tear(fmt::format("recording stopped early: {}", std::strerror(closing_->os_error)));
  }
  return Status::torn;
}

Reader::Status Reader::go_over() {
  const RecordingHeader last = header_;
  const Progress progress = last_block_;
  const std::string path = segment_path(path_, last.segment + 1);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    if (error) {
      return tear(fmt::format("cannot read '{}': {}", path, error.message()) +
                  turns_lost(std::nullopt, last.segment + 2));
    }
    // Whether only this one is missing: then the later ones are of no use.
    uint32_t later = last.segment + 2;
    while (later < last.segment + 2 + missing_files_max &&
           !std::filesystem::exists(segment_path(path_, later), error)) {
      ++later;
    }
    const bool found = later < last.segment + 2 + missing_files_max;
    return tear(fmt::format("file '{}' is missing{}", path,
                            found ? fmt::format("; without it, '{}' and what follows cannot be "
                                                "replayed",
                                                segment_path(path_, later))
                                  : "") +
                turns_lost(std::nullopt, later));
  }
  const uint32_t blocks = blocks_;
  const size_t files = files_.size();
  const auto opened = open_file(path);
  if (opened && header_.session == last.session && header_.segment == last.segment + 1 &&
      is_same_place(last_block_, progress)) {
    return Status::turn;
  }
  // What does not belong to it is not counted.
  header_ = last;
  last_block_ = progress;
  blocks_ = blocks;
  files_.resize(files);
  if (!opened) return tear(opened.error() + turns_lost(std::nullopt, last.segment + 2));
  return tear(fmt::format("'{}' does not go on where the file before it ends", path) +
              turns_lost(std::nullopt, last.segment + 1));
}

Reader::Status Reader::tear(std::string why) {
  lost_ = fmt::format("{}; {} whole turns before it are good", why, decoder_.turns());
  return Status::torn;
}

// After a block that is not good: what is behind it, by the headers that can be found.
std::string Reader::what_lies_behind() {
  const std::string rest = file_size_ ? fmt::format(", {} bytes from the end",
                                                    std::max(*file_size_, block_at_) - block_at_)
                                      : "";
  return fmt::format(" (at byte {}{} of '{}')", block_at_, rest, files_.back()) +
         turns_lost(block_at_, header_.segment + 1);
}

// How many, by what lies from `at` on in this file and in the files from `segment` on; "" where
// nothing can be known.
std::string Reader::turns_lost(std::optional<uint64_t> at, uint32_t segment) {
  const uint64_t good = decoder_.turns();
  uint64_t turns = good;
  std::string until;
  if (at) turns = std::max(turns, last_turn_from(file_, *at, good));
  for (uint32_t missing = 0; !is_pipe() && missing < missing_files_max; ++segment) {
    Reader later;
    const std::string path = segment_path(path_, segment);
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error) || !later.open_file(path) ||
        later.header_.session != header_.session) {
      ++missing;
      continue;
    }
    const uint64_t last = last_turn_from(later.file_, 0, later.last_block_.turns);
    if (last <= turns) continue;
    turns = last;
    until = fmt::format(", up to the end of '{}'", path);
  }
  if (turns == good) return "";
  return fmt::format("; {} turns behind it are lost with it{}", turns - good, until);
}

}  // namespace havklo::replay
