// Entry by entry; FORMAT.md has the bytes.
#include "replay/recording/turn_decoder.hpp"

#include <cstring>
#include <havklo/config.hpp>
#include <havklo/limits.hpp>
#include <limits>
#include <utility>

#include "kraken/channels.hpp"
#include "replay/recording/shared_ring.hpp"

namespace havklo::replay {

void TurnDecoder::begin(RecordedTurn& turn) {
  turn.commands.clear();
  turn.completions.clear();
  turn.kept_events.clear();
  turn.budget_answers.clear();
  turn.utc_offset.reset();
  kept_.clear();
  joins_ = false;
}

TurnDecoder::Taken TurnDecoder::take(ByteReader& bytes, uint32_t format, RecordedTurn& turn) {
  const auto tag = static_cast<EntryTag>(bytes.byte());
  if (joins_ && tag != EntryTag::received && tag != EntryTag::received_part) return Taken::nothing;
  const bool is_short = tag == EntryTag::short_received || tag == EntryTag::short_turn_end;
  if (is_short && format < format_with_short_entries) return Taken::nothing;
  if (!read_entry(tag, bytes, turn)) return Taken::nothing;
  const bool ended = tag == EntryTag::turn_end || tag == EntryTag::short_turn_end;
  return ended ? Taken::turn_end : Taken::entry;
}

bool TurnDecoder::read_entry(EntryTag tag, ByteReader& bytes, RecordedTurn& turn) {
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
      return end_turn(bytes, turn, since_last);
    }
    case EntryTag::turn_end: {
      const Duration since_last{bytes.signed_number<int64_t>(0, time_ns_max)};
      turn.room = bytes.number<uint32_t>();
      turn.event_count = bytes.number<uint32_t>();
      turn.digest_low = turn.event_count != 0 ? bytes.word() : 0;
      return end_turn(bytes, turn, since_last);
    }
    case EntryTag::command:
      return read_command(bytes, turn);
    case EntryTag::utc_offset:
      turn.utc_offset = Duration{bytes.signed_number<int64_t>(-time_ns_max, time_ns_max)};
      return !bytes.failed();
    case EntryTag::received:
    case EntryTag::received_part: {
      const ConnectionId connection{bytes.number<uint32_t>()};
      const uint64_t length = bytes.varint();
      return read_received(bytes, turn, connection, length, tag == EntryTag::received);
    }
    case EntryTag::opened:
    case EntryTag::sent:
    case EntryTag::closed:
    case EntryTag::closed_for_certificate:
      return read_completion(tag, bytes, turn);
    case EntryTag::arrived:
      return read_arrival(bytes, turn);
    case EntryTag::event:
      return read_event(bytes, turn);
    case EntryTag::budget_answer:
      return read_budget_answer(bytes, turn);
  }
  return false;
}

bool TurnDecoder::end_turn(const ByteReader& bytes, RecordedTurn& turn, Duration since_last) {
  if (bytes.failed()) return false;
  if (since_last.ns > time_ns_max - last_now_.ns) return false;
  // A turn publishes into slots that were free; of what it published events were kept in order.
  if (turn.room > shared_ring_slots_max || turn.event_count > turn.room) return false;
  if (!turn.kept_events.empty() && turn.kept_events.back().index >= turn.event_count) return false;
  last_now_ = last_now_ + since_last;
  turn.now = last_now_;
  turn.number = ++turns_;
  events_ += turn.event_count;
  return true;
}

bool TurnDecoder::read_completion(EntryTag tag, ByteReader& bytes, RecordedTurn& turn) {
  if (!has_room_for_another(turn)) return false;
  Completion completion;
  completion.connection = ConnectionId{bytes.number<uint32_t>()};
  if (tag == EntryTag::opened) {
    completion.kind = Completion::Kind::opened;
    completion.tls_resumed = bytes.byte() != 0;
    completion.peer.family = bytes.byte();
    const auto address = bytes.take(completion.peer.address.size());
    completion.peer.port = bytes.number<uint16_t>();
    if (bytes.failed()) return false;
    std::memcpy(completion.peer.address.data(), address.data(), address.size());
  } else if (tag == EntryTag::sent) {
    completion.kind = Completion::Kind::sent;
    completion.sent_bytes = bytes.number<uint32_t>();
  } else {
    completion.kind = Completion::Kind::closed;
    if (tag == EntryTag::closed_for_certificate) {
      const uint8_t fault = bytes.byte();
      if (fault >= certificate_fault_count) return false;
      completion.certificate = static_cast<CertificateFault>(fault);
    }
    const uint8_t reason = bytes.byte();
    completion.os_error = bytes.signed_number<int32_t>(std::numeric_limits<int32_t>::min(),
                                                       std::numeric_limits<int32_t>::max());
    if (reason >= reason_count) return false;
    completion.reason = static_cast<Reason>(reason);
  }
  if (bytes.failed()) return false;
  turn.completions.push_back(completion);
  return true;
}

bool TurnDecoder::read_command(ByteReader& bytes, RecordedTurn& turn) {
  if (turn.commands.size() == commands_per_turn_max) return false;
  Command command;
  const uint8_t kind = bytes.byte();
  const uint8_t channel = bytes.byte();
  command.session = bytes.number<uint8_t>();
  command.depth = bytes.number<uint16_t>();
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

bool TurnDecoder::read_received(ByteReader& bytes, RecordedTurn& turn, ConnectionId connection,
                                uint64_t length, bool is_last) {
  auto read = bytes.take(length);
  if (bytes.failed() || !has_room_for_another(turn)) return false;
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

// Of the read just before.
bool TurnDecoder::read_arrival(ByteReader& bytes, RecordedTurn& turn) {
  const auto time = [&] { return bytes.signed_number<int64_t>(-time_ns_max, time_ns_max); };
  const int64_t kernel_time_ns = time();
  const int64_t hardware_time_ns = time();
  if (bytes.failed() || joins_ || turn.completions.empty()) return false;
  Completion& read = turn.completions.back();
  if (read.kind != Completion::Kind::received) return false;
  read.kernel_time_ns = kernel_time_ns;
  read.hardware_time_ns = hardware_time_ns;
  return true;
}

bool TurnDecoder::read_budget_answer(ByteReader& bytes, RecordedTurn& turn) {
  RecordedBudgetAnswer answer{.ask = bytes.number<uint32_t>(budget_asks_max - 1),
                              .wait = {bytes.number<int64_t>(budget_wait_ns_max)}};
  const auto& before = turn.budget_answers;
  if (bytes.failed() || (!before.empty() && answer.ask <= before.back().ask)) return false;
  turn.budget_answers.push_back(answer);
  return true;
}

bool TurnDecoder::read_event(ByteReader& bytes, RecordedTurn& turn) {
  RecordedEvent kept{.index = bytes.number<uint32_t>(), .event = {}};
  const auto whole = bytes.take(sizeof kept.event);
  if (bytes.failed()) return false;
  const auto& before = turn.kept_events;
  if (!before.empty() && kept.index <= before.back().index) return false;
  std::memcpy(static_cast<void*>(&kept.event), whole.data(), sizeof kept.event);
  const bool known = kept.event.kind >= EventKind::connected &&
                     static_cast<uint8_t>(kept.event.kind) <= event_kind_last;
  if (known) turn.kept_events.push_back(kept);
  return known;
}

}  // namespace havklo::replay
