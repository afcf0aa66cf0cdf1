// Every length is checked before it is believed.
#include "replay/reader.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <havklo/limits.hpp>
#include <string_view>
#include <utility>

#include "replay/settings_toml.hpp"

namespace havklo::replay {
namespace {

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

}  // namespace

std::expected<Reader, std::string> Reader::open(const std::string& path) {
  Reader reader;
  reader.file_.open(path, std::ios::binary);
  if (!reader.file_) {
    return std::unexpected(fmt::format("cannot read '{}': {}", path, std::strerror(errno)));
  }
  reader.file_.seekg(0, std::ios::end);
  if (const auto size = reader.file_.tellg(); size > 0) {
    reader.file_bytes_ = static_cast<uint64_t>(size);
  }
  reader.file_.clear();
  reader.file_.seekg(0);
  if (auto read = reader.read_header(path); !read) return std::unexpected(read.error());
  return reader;
}

std::expected<void, std::string> Reader::read_header(const std::string& path) {
  BlockHeader block;
  if (read_block(block) != BlockStatus::good || block.kind != BlockKind::header) {
    return std::unexpected(fmt::format("'{}' is not a recording, or its header is damaged", path));
  }
  std::string_view text(reinterpret_cast<const char*>(payload_.data()), payload_bytes_);
  uint32_t format = 0;
  const auto format_text = take_line(text, "format");
  if (!format_text || !parse(*format_text, format)) {
    return std::unexpected(fmt::format("'{}' has a header that says no format", path));
  }
  if (format != format_version) {
    return std::unexpected(fmt::format("'{}' has format {}; this havklo {} reads format {}", path,
                                       format, HAVKLO_VERSION, format_version));
  }
  const auto build = take_line(text, "build");
  const auto seed = take_line(text, "seed");
  const auto offset = take_line(text, "utc_offset_ns");
  if (!build || !seed || !offset || !parse(*seed, header_.seed, 16) ||
      !parse(*offset, header_.utc_offset.ns)) {
    return std::unexpected(fmt::format("'{}' has a header that is not complete", path));
  }
  header_.build = *build;
  auto settings = settings_from_toml(text, path);
  if (!settings) return std::unexpected(settings.error());
  if (auto valid = validate(*settings); !valid) {
    return std::unexpected(fmt::format("'{}': {}", path, valid.error().message()));
  }
  header_.settings = std::move(*settings);
  last_block_ = {.turns = block.turns, .events = block.events, .digest = block.digest};
  payload_at_ = payload_bytes_;
  return {};
}

// Reads the next block whole and checks it.
Reader::BlockStatus Reader::read_block(BlockHeader& header) {
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
      if (next_number_ > 1) {
        last_block_ = {.turns = block_.turns, .events = block_.events, .digest = block_.digest};
      }
      if (closing_seen_) return inside ? tear("the last turn has no end") : Status::end;
      if (inside) kept_.push_back(std::exchange(payload_, {}));
      switch (read_block(block_)) {
        case BlockStatus::good:
          break;
        case BlockStatus::end:
          return tear("the closing block is missing");
        case BlockStatus::bad:
          return tear(fmt::format("block {} is cut short or damaged", next_number_));
      }
      if (block_.kind == BlockKind::header) return tear("a second header");
      closing_seen_ = block_.kind == BlockKind::closing;
      continue;
    }
    ByteReader bytes(
        std::span<const std::byte>(payload_).first(payload_bytes_).subspan(payload_at_));
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

bool Reader::read_entry(ByteReader& bytes, RecordedTurn& turn, bool& turn_ended) {
  const auto tag = static_cast<EntryTag>(bytes.byte());
  if (joins_ && tag != EntryTag::received && tag != EntryTag::received_part) return false;
  switch (tag) {
    case EntryTag::turn_end:
      turn_ended = true;
      return read_turn_end(bytes, turn);
    case EntryTag::command:
      return read_command(bytes, turn);
    case EntryTag::utc_offset:
      turn.utc_offset = Duration{unzigzag(bytes.varint())};
      return !bytes.failed();
    case EntryTag::received:
    case EntryTag::received_part:
      return read_received(bytes, turn, tag == EntryTag::received);
    case EntryTag::opened:
    case EntryTag::sent:
    case EntryTag::closed:
      return read_completion(tag, bytes, turn);
    case EntryTag::event: {
      RecordedEvent kept{.index = static_cast<uint32_t>(bytes.varint()), .event = {}};
      const auto whole = bytes.take(sizeof kept.event);
      if (bytes.failed()) return false;
      std::memcpy(static_cast<void*>(&kept.event), whole.data(), sizeof kept.event);
      if (kept.event.kind < EventKind::connected || kept.event.kind > EventKind::overrun)
        return false;
      turn.kept_events.push_back(kept);
      return true;
    }
  }
  return false;
}

bool Reader::read_turn_end(ByteReader& bytes, RecordedTurn& turn) {
  const Duration since_last{unzigzag(bytes.varint())};
  if (since_last < Duration{} || last_now_ > Instant::never() - since_last) return false;
  last_now_ = last_now_ + since_last;
  turn.now = last_now_;
  turn.room = static_cast<uint32_t>(bytes.varint());
  turn.event_count = static_cast<uint32_t>(bytes.varint());
  turn.digest_low = turn.event_count != 0 ? bytes.word() : 0;
  turn.number = ++turns_;
  return !bytes.failed();
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
      channel > static_cast<uint8_t>(Channel::ticker) || symbol.size() > symbol_bytes_max) {
    return false;
  }
  command.kind = static_cast<Command::Kind>(kind);
  command.channel = static_cast<Channel>(channel);
  const bool needs_depth =
      command.kind == Command::Kind::subscribe && command.channel == Channel::book;
  if (needs_depth && !is_valid_depth(command.depth)) return false;
  std::memcpy(command.symbol_text.data(), symbol.data(), symbol.size());
  turn.commands.push_back(command);
  return true;
}

bool Reader::read_received(ByteReader& bytes, RecordedTurn& turn, bool is_last) {
  const ConnectionId connection{static_cast<uint32_t>(bytes.varint())};
  auto read = bytes.take(bytes.varint());
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

}  // namespace havklo::replay
