// Every length is checked before it is believed.
#include "replay/recording/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <havklo/limits.hpp>
#include <string_view>
#include <utility>

#include "kraken/channels.hpp"
#include "replay/recording/block_search.hpp"
#include "replay/recording/shared_ring.hpp"
#include "replay/text/settings_toml.hpp"

namespace havklo::replay {
namespace {

// How far behind a missing file one looks for later ones.
constexpr uint32_t missing_files_max = 100;

// The part of a line behind its key; nothing if the next line has another.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view key) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') {
    return std::nullopt;
  }
  text.remove_prefix(end + 1);
  return line.substr(key.size() + 1);
}

template <class Integer>
bool parse(std::string_view text, Integer& value, int base = 10) {
  if (base == 16) {
    if (!text.starts_with("0x")) return false;
    text.remove_prefix(2);
  }
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return result.ec == std::errc{} && result.ptr == text.data() + text.size();
}

// `night.hvk.3` without its number, if that is what it is.
std::string first_path_of(const std::string& path, uint32_t segment) {
  const std::string ending = "." + std::to_string(segment);
  return path.ends_with(ending) ? path.substr(0, path.size() - ending.size()) : path;
}

}  // namespace

std::expected<RecordingHeader, std::string> parse_header(std::string_view text,
                                                         const std::string& path) {
  RecordingHeader header;
  const auto format_text = take_line(text, "format");
  if (!format_text || !parse(*format_text, header.format)) {
    return std::unexpected(fmt::format("'{}' has a header that says no format", path));
  }
  const auto build = take_line(text, "build");
  if (header.format == 0 || header.format > format_version) {
    return std::unexpected(fmt::format(
        "'{}' has format {}, written by havklo {}; this havklo {} reads formats 1 to {}", path,
        header.format, build.value_or("?"), HAVKLO_VERSION, format_version));
  }
  const auto host = take_line(text, "host");
  const auto session = take_line(text, "session");
  const auto segment = take_line(text, "segment");
  const auto seed = take_line(text, "seed");
  const auto offset = take_line(text, "utc_offset_ns");
  if (!build || !host || !session || !segment || !seed || !offset ||
      !parse(*session, header.session, 16) || !parse(*segment, header.segment) ||
      !parse(*seed, header.seed, 16) || !parse(*offset, header.utc_offset.ns)) {
    return std::unexpected(fmt::format("'{}' has a header that is not complete", path));
  }
  header.build = *build;
  header.host = *host;
  uint32_t sessions = 1;
  const bool several = header.format == format_of_several_sessions ||
                       (header.format >= format_with_padding && text.starts_with("sessions "));
  if (several) {
    const auto count = take_line(text, "sessions");
    if (!count || !parse(*count, sessions) || sessions == 0 || sessions > sessions_max) {
      return std::unexpected(fmt::format("'{}' has a header that is not complete", path));
    }
  }
  for (uint32_t i = 0; i < sessions; ++i) {
    const size_t end = i + 1 == sessions ? text.size() : text.find("\n" + session_mark(i + 1));
    if (end == std::string_view::npos) {
      return std::unexpected(fmt::format("'{}' has a header without session {}", path, i + 1));
    }
    auto settings = settings_from_toml(text.substr(0, end), path);
    if (!settings) return std::unexpected(settings.error());
    if (auto valid = validate(*settings); !valid) {
      return std::unexpected(fmt::format("'{}': {}", path, valid.error().message()));
    }
    text.remove_prefix(end);
    if (i == 0) {
      header.settings = std::move(*settings);
    } else {
      header.more_sessions.push_back(std::move(*settings));
    }
  }
  const uint64_t slots = sum_of_ring_slots(header.sessions());
  if (slots > shared_ring_slots_max) {
    return std::unexpected(
        fmt::format("'{}': its sessions have {} ring slots; at most {} can be replayed", path,
                    slots, shared_ring_slots_max));
  }
  return header;
}

std::expected<Reader, std::string> Reader::open(const std::string& path) {
  Reader reader;
  if (auto opened = reader.open_file(path); !opened) return std::unexpected(opened.error());
  if (reader.header_.segment != 0) {
    if (auto opened = reader.go_to_first(path); !opened) return std::unexpected(opened.error());
  }
  reader.path_ = reader.files_.front();
  std::error_code error;
  for (uint32_t i = 0; std::filesystem::is_regular_file(segment_path(reader.path_, i), error);
       ++i) {
    reader.file_bytes_ += std::filesystem::file_size(segment_path(reader.path_, i), error);
  }
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
  next_number_ = 0;
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

// Reads the next block whole and checks it.
Reader::BlockStatus Reader::read_block(BlockHeader& header) {
  block_at_ = static_cast<uint64_t>(file_.tellg());
  BlockHeaderBytes bytes{};
  file_.read(reinterpret_cast<char*>(bytes.data()), bytes.size());
  if (file_.gcount() == 0) return BlockStatus::end;
  if (static_cast<size_t>(file_.gcount()) != bytes.size()) return BlockStatus::bad;
  const auto decoded = decode_block_header(bytes);
  if (!decoded || decoded->number != next_number_) return BlockStatus::bad;
  header = *decoded;
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
  turn.commands.clear();
  turn.completions.clear();
  turn.kept_events.clear();
  turn.utc_offset.reset();
  kept_.clear();
  joins_ = false;
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
    bool turn_ended = false;
    const size_t before = bytes.left();
    if (!read_entry(bytes, turn, turn_ended)) {
      return tear(fmt::format("block {} holds what is no entry", next_number_ - 1));
    }
    payload_at_ += before - bytes.left();
    inside = !turn_ended;
    if (turn_ended) return Status::turn;
  }
}

// The block before is read up; nothing: the next one is there.
std::optional<Reader::Status> Reader::begin_block(bool inside_turn) {
  if (block_.kind == BlockKind::turns) {
    last_block_ = block_.progress;
    if (block_.progress.turns != turns_ || block_.progress.events != events_) {
      return tear(fmt::format("block {} does not hold the turns that it says", next_number_ - 1));
    }
  }
  if (closing_) {
    const Status status = end_of_file(inside_turn);
    if (status != Status::turn) return status;
    return std::nullopt;
  }
  if (inside_turn) kept_.push_back(std::exchange(payload_, {}));
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
  const auto opened = open_file(path);
  if (!opened) return tear(opened.error() + turns_lost(std::nullopt, last.segment + 2));
  if (header_.session != last.session || header_.segment != last.segment + 1 ||
      last_block_ != progress) {
    const std::string why = fmt::format("'{}' does not go on where the file before it ends", path);
    header_ = last;
    last_block_ = progress;  // of the file that was read
    return tear(why + turns_lost(std::nullopt, last.segment + 1));
  }
  return Status::turn;
}

bool Reader::read_entry(ByteReader& bytes, RecordedTurn& turn, bool& turn_ended) {
  const auto tag = static_cast<EntryTag>(bytes.byte());
  if (joins_ && tag != EntryTag::received && tag != EntryTag::received_part) return false;
  const bool is_short = tag == EntryTag::short_received || tag == EntryTag::short_turn_end;
  if (is_short && header_.format < format_with_short_entries) return false;
  switch (tag) {
    case EntryTag::padding:
      break;
    case EntryTag::short_received: {
      const uint32_t length = bytes.word24();
      return read_received(bytes, turn, ConnectionId{bytes.word()}, length, true);
    }
    case EntryTag::short_turn_end: {
      turn.room = bytes.word24();
      const Duration since_last{bytes.word()};
      turn.event_count = bytes.word();
      turn.digest_low = bytes.word();
      turn_ended = true;
      return end_turn(bytes, turn, since_last);
    }
    case EntryTag::turn_end: {
      const Duration since_last{unzigzag(bytes.varint())};
      turn.room = static_cast<uint32_t>(bytes.varint());
      turn.event_count = static_cast<uint32_t>(bytes.varint());
      turn.digest_low = turn.event_count != 0 ? bytes.word() : 0;
      turn_ended = true;
      return end_turn(bytes, turn, since_last);
    }
    case EntryTag::command:
      return read_command(bytes, turn);
    case EntryTag::utc_offset:
      turn.utc_offset = Duration{unzigzag(bytes.varint())};
      return !bytes.failed();
    case EntryTag::received:
    case EntryTag::received_part: {
      const ConnectionId connection{static_cast<uint32_t>(bytes.varint())};
      const uint64_t length = bytes.varint();
      return read_received(bytes, turn, connection, length, tag == EntryTag::received);
    }
    case EntryTag::opened:
    case EntryTag::sent:
    case EntryTag::closed:
      return read_completion(tag, bytes, turn);
    case EntryTag::event: {
      RecordedEvent kept{.index = static_cast<uint32_t>(bytes.varint()), .event = {}};
      const auto whole = bytes.take(sizeof kept.event);
      if (bytes.failed()) return false;
      std::memcpy(static_cast<void*>(&kept.event), whole.data(), sizeof kept.event);
      if (kept.event.kind < EventKind::connected ||
          static_cast<uint8_t>(kept.event.kind) > event_kind_last)
        return false;
      turn.kept_events.push_back(kept);
      return true;
    }
  }
  return false;
}

bool Reader::end_turn(const ByteReader& bytes, RecordedTurn& turn, Duration since_last) {
  if (bytes.failed()) return false;
  if (since_last < Duration{} || last_now_ > Instant::never() - since_last) return false;
  last_now_ = last_now_ + since_last;
  turn.now = last_now_;
  turn.number = ++turns_;
  events_ += turn.event_count;
  return true;
}

bool Reader::read_completion(EntryTag tag, ByteReader& bytes, RecordedTurn& turn) {
  Completion completion;
  completion.connection = ConnectionId{static_cast<uint32_t>(bytes.varint())};
  if (tag == EntryTag::opened) {
    completion.kind = Completion::Kind::opened;
    completion.tls_resumed = bytes.byte() != 0;
    completion.peer.family = bytes.byte();
    const auto address = bytes.take(completion.peer.address.size());
    completion.peer.port = static_cast<uint16_t>(bytes.varint());
    if (bytes.failed()) return false;
    std::memcpy(completion.peer.address.data(), address.data(), address.size());
  } else if (tag == EntryTag::sent) {
    completion.kind = Completion::Kind::sent;
    completion.sent_bytes = static_cast<uint32_t>(bytes.varint());
  } else {
    completion.kind = Completion::Kind::closed;
    const uint8_t reason = bytes.byte();
    completion.os_error = static_cast<int32_t>(unzigzag(bytes.varint()));
    if (reason >= reason_count) return false;
    completion.reason = static_cast<Reason>(reason);
  }
  if (bytes.failed()) return false;
  turn.completions.push_back(completion);
  return true;
}

bool Reader::read_command(ByteReader& bytes, RecordedTurn& turn) {
  Command command;
  const uint8_t kind = bytes.byte();
  const uint8_t channel = bytes.byte();
  command.session = static_cast<uint16_t>(bytes.varint());
  command.depth = static_cast<uint16_t>(bytes.varint());
  command.symbol_bytes = bytes.byte();
  const auto symbol = bytes.take(command.symbol_bytes);
  if (bytes.failed() || kind > static_cast<uint8_t>(Command::Kind::close) ||
      channel >= channel_count || symbol.size() > symbol_bytes_max) {
    return false;
  }
  command.kind = static_cast<Command::Kind>(kind);
  command.channel = static_cast<Channel>(channel);
  const kraken::Parameter& parameter = kraken::facts_of(command.channel).parameter;
  if (command.kind == Command::Kind::subscribe && !kraken::serves(parameter, command.depth)) {
    return false;
  }
  std::memcpy(command.symbol_text.data(), symbol.data(), symbol.size());
  turn.commands.push_back(command);
  return true;
}

bool Reader::read_received(ByteReader& bytes, RecordedTurn& turn, ConnectionId connection,
                           uint64_t length, bool is_last) {
  auto read = bytes.take(length);
  if (bytes.failed()) return false;
  if (joins_ || !is_last) {
    if (!joins_) joined_.clear();
    joined_.insert(joined_.end(), read.begin(), read.end());
    joins_ = !is_last;
    if (!is_last) return true;
    const size_t size = joined_.size();
    joined_.resize(size + receive_padding);
    kept_.push_back(std::exchange(joined_, {}));
    read = std::span<const std::byte>(kept_.back()).first(size);
  }
  Completion completion;
  completion.kind = Completion::Kind::received;
  completion.connection = connection;
  completion.bytes = read;
  turn.completions.push_back(completion);
  return true;
}

Reader::Status Reader::tear(std::string why) {
  lost_ = fmt::format("{}; {} whole turns before it are good", why, turns_);
  return Status::torn;
}

// After a block that is not good: what is behind it, by the headers that can be found.
std::string Reader::what_lies_behind() {
  const uint64_t end = file_end(file_);
  return fmt::format(" (at byte {}, {} bytes from the end of '{}')", block_at_, end - block_at_,
                     files_.back()) +
         turns_lost(block_at_, header_.segment + 1);
}

// How many, by what lies from `at` on in this file and in the files from `segment` on; "" where
// nothing can be known.
std::string Reader::turns_lost(std::optional<uint64_t> at, uint32_t segment) {
  uint64_t turns = turns_;
  std::string until;
  if (at) turns = std::max(turns, last_turn_from(file_, *at));
  for (uint32_t missing = 0; missing < missing_files_max; ++segment) {
    Reader later;
    const std::string path = segment_path(path_, segment);
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error) || !later.open_file(path) ||
        later.header_.session != header_.session) {
      ++missing;
      continue;
    }
    const uint64_t last = last_turn_from(later.file_, 0);
    if (last <= turns) continue;
    turns = last;
    until = fmt::format(", up to the end of '{}'", path);
  }
  if (turns == turns_) return "";
  return fmt::format("; {} turns behind it are lost with it{}", turns - turns_, until);
}

}  // namespace havklo::replay
