// The fields of a scenario, and what a fault needs beside them.
#include "replay/world/scenario_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace havklo::replay {
namespace {

constexpr std::array<std::string_view, 4> stage_names = {"tcp", "tls", "upgrade", "open"};
constexpr std::array<std::string_view, 4> tls_names = {"garbage", "abort", "expired", "wrong_name"};
constexpr std::array<std::string_view, 10> violation_names = {
    "masked",         "bad_opcode",         "reserved_bits", "invalid_utf8",
    "oversized",      "fragmented_control", "long_control",  "stray_continuation",
    "one_byte_close", "long_length"};
constexpr std::array<std::string_view, 2> cut_names = {"alike", "own"};
constexpr std::array<std::string_view, 3> since_names = {"accepted", "upgraded", "subscribed"};
constexpr std::array<std::string_view, 5> system_names = {"unknown", "online", "cancel_only",
                                                          "post_only", "maintenance"};

constexpr std::array<std::string_view, 5> address_fault_names = {"none", "refuse", "silent_tcp",
                                                                 "silent_tls", "silent_open"};
constexpr std::array<std::string_view, 4> command_names = {"subscribe", "unsubscribe", "reconnect",
                                                           "close"};

Field connection_field(Fault& fault) {
  return {"connection",
          [&fault](const toml::node& node) {
            const auto in_range = [](int64_t n) { return n >= 1 && n < int64_t{unlimited}; };
            if (const auto one = node.value_exact<int64_t>(); one && in_range(*one)) {
              fault.connection_first = fault.connection_last = static_cast<uint32_t>(*one);
              return true;
            }
            const toml::array* pair = node.as_array();
            if (pair == nullptr || pair->size() != 2) return false;
            const auto first = (*pair)[0].value_exact<int64_t>();
            const auto last = (*pair)[1].value_exact<int64_t>();
            if (!first || !last || !in_range(*first) || !in_range(*last)) return false;
            fault.connection_first = static_cast<uint32_t>(*first);
            fault.connection_last = static_cast<uint32_t>(*last);
            return true;
          },
          "a number from 1, or [first, last]",
          [&fault]() -> std::string {
            const uint32_t first = fault.connection_first;
            const uint32_t last = fault.connection_last;
            if (first == last) return std::to_string(first);
            if (first == 1 && last == unlimited) return "";
            return fmt::format("[{}, {}]", first, std::min(last, unlimited - 1));
          }};
}

// What else people call it.
Field called(Field field, std::vector<std::string_view> other_names) {
  field.other_names = std::move(other_names);
  return field;
}

const std::vector<std::string_view> other_names_of_at = {"when", "time", "start", "begin", "from"};
const std::vector<std::string_view> other_names_of_for = {"lasting", "lasts", "duration", "length"};

}  // namespace

std::vector<Field> fields_of(FaultText& text) {
  Fault& fault = text.fault;
  Field channel = channel_field("channel", text.channel);
  channel.read = [&text, read = channel.read](const toml::node& node) {
    return text.has_channel = read(node);
  };
  channel.write = [&text, write = channel.write] { return text.has_channel ? write() : ""; };
  return {
      text_field("kind", text.kind),
      called(optional_duration_field("at", fault.at), other_names_of_at),
      called(optional_duration_field("after", fault.after), {"delay"}),
      choice_field("since", fault.since, since_names,
                   "\"accepted\", \"upgraded\" or \"subscribed\""),
      called(optional_duration_field("for", fault.lasting), other_names_of_for),
      called(optional_duration_field("every", fault.every), {"period", "repeat"}),
      called(connection_field(fault), {"attempt", "attempts"}),
      optional_count_field("leg", fault.leg),
      called(count_field("times", fault.times), {"count", "strikes"}),
      called(count_field("code", fault.code), {"status", "http_status", "close_code"}),
      called(text_field("text", fault.text), {"reason", "message"}),
      text_field("symbol", fault.symbol),
      std::move(channel),
      choice_field("stage", fault.stage, stage_names, "\"tcp\", \"tls\", \"upgrade\" or \"open\""),
      choice_field("tls", fault.tls, tls_names,
                   "\"garbage\", \"abort\", \"expired\" or \"wrong_name\""),
      choice_field("violation", fault.violation, violation_names,
                   "the name of a violation, as \"masked\""),
      count_field("bytes", fault.bytes),
      duration_field("interval", fault.interval),
      count_field("trades", fault.trades),
      optional_duration_field("retry_after", fault.retry_after),
      bool_field("retry_after_date", fault.retry_after_date),
      text_field("location", fault.location),
      choice_field("system", fault.system, system_names,
                   "\"online\", \"cancel_only\", \"post_only\" or \"maintenance\""),
      optional_duration_field("lead", text.lead)};
}

std::vector<Field> fields_of(VenueSettings& venue, std::optional<uint64_t>& seed) {
  return {seed_field("seed", seed),
          duration_field("ack_delay", venue.ack_delay),
          duration_field("snapshot_delay", venue.snapshot_delay),
          duration_field("heartbeat_interval", venue.heartbeat_interval),
          duration_field("idle_timeout", venue.idle_timeout),
          duration_field("close_linger", venue.close_linger),
          count_field("requests_per_second", venue.requests_per_second),
          count_field("requests_burst", venue.requests_burst),
          count_field("connects_max", venue.connects_max),
          duration_field("connects_window", venue.connects_window),
          duration_field("connect_ban", venue.connect_ban),
          choice_field("cut", venue.cut, cut_names, "\"alike\" or \"own\""),
          duration_field("cut_hold", venue.cut_hold)};
}

std::vector<Field> fields_of(NetworkSettings& network, std::optional<uint64_t>& seed) {
  return {seed_field("seed", seed),
          duration_field("latency", network.latency),
          durations_field("leg_latency", network.leg_latency),
          duration_field("jitter", network.jitter),
          duration_field("send_time", network.send_time),
          count_field("read_bytes_max", network.read_bytes_max),
          count_field("write_bytes_max", network.write_bytes_max),
          bool_field("reorder", network.reorder),
          bool_field("resume_tls", network.resume_tls)};
}

std::vector<Field> fields_of(AddressText& text) {
  return {text_field("ip", text.ip),
          choice_field("fault", text.address.fault, address_fault_names,
                       "\"none\", \"refuse\", \"silent_tcp\", \"silent_tls\" or \"silent_open\""),
          called(optional_duration_field("for", text.address.lasting), other_names_of_for)};
}

std::vector<Field> fields_of(RunSettings& run, std::optional<uint64_t>& seed) {
  return {seed_field("seed", seed), called(duration_field("for", run.lasting), other_names_of_for),
          duration_field("lateness", run.lateness),
          optional_count_field("disk_blocks", run.disk_blocks)};
}

std::vector<Field> fields_of(SymbolText& symbol) {
  return {text_field("name", symbol.name), text_field("price", symbol.price),
          count_field("qty_decimals", symbol.qty_decimals), count_field("levels", symbol.levels)};
}

std::vector<Field> fields_of(MarketText& text, MarketSettings& market) {
  return {number_field("rate", text.rate),
          count_field("trades_per_1000_moves", market.trades_per_1000_moves),
          number_field("unheard_trades", text.unheard)};
}

std::vector<Field> fields_of(PlannedCommand& command) {
  return {choice_field("kind", command.kind, command_names,
                       "\"subscribe\", \"unsubscribe\", \"reconnect\" or \"close\""),
          called(duration_field("at", command.at), other_names_of_at),
          count_field("session", command.session),
          channel_field("channel", command.channel),
          text_field("symbol", command.symbol),
          count_field("depth", command.depth)};
}

std::vector<Field> fields_of(ConsumerPause& pause) {
  return {called(duration_field("at", pause.at), other_names_of_at),
          called(duration_field("for", pause.lasting), other_names_of_for)};
}

std::vector<Field> fields_of(ClockJump& jump) {
  return {called(duration_field("at", jump.at), other_names_of_at), duration_field("by", jump.by)};
}

}  // namespace havklo::replay
