// Histograms are sparse: [bucket, count] pairs and the sum.
#include "havklo/statistics_json.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <iterator>

#include "havklo/json_fault.hpp"
#include "replay/text/printable.hpp"

namespace havklo {
namespace {

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out += '"';
}

void append(std::string& out, const replay::Histogram& histogram) {
  fmt::format_to(std::back_inserter(out), "{{\"sum\":{},\"buckets\":[", histogram.sum());
  bool first = true;
  for (size_t i = 0; i < histogram.buckets().size(); ++i) {
    if (histogram.buckets()[i] == 0) continue;
    fmt::format_to(std::back_inserter(out), "{}[{},{}]", first ? "" : ",", i,
                   histogram.buckets()[i]);
    first = false;
  }
  out += "]}";
}

void append(std::string& out, const std::vector<replay::SweepShard>& shards) {
  if (shards.empty()) return;
  for (const replay::SweepShard& each : shards) {
    fmt::format_to(std::back_inserter(out), "{}[{},{},{},{}]",
                   &each == shards.data() ? ",\"shards\":[" : ",", each.first, each.last,
                   each.index, each.count);
  }
  out += ']';
}

// Lines of before 2.1 do not say it.
void read(simdjson::dom::element root, std::vector<replay::SweepShard>& shards) {
  simdjson::dom::array all;
  if (root["shards"].get(all) == simdjson::NO_SUCH_FIELD) return;
  for (const simdjson::dom::element each : root["shards"].get_array()) {
    const replay::SweepShard shard{each.at(0).get_uint64(), each.at(1).get_uint64(),
                                   each.at(2).get_uint64(), each.at(3).get_uint64()};
    if (shard.first > shard.last || shard.index >= shard.count) {
      throw simdjson::simdjson_error(simdjson::NUMBER_OUT_OF_RANGE);
    }
    shards.push_back(shard);
  }
}

void read(simdjson::dom::element node, replay::Histogram& histogram) {
  for (const simdjson::dom::element pair : node["buckets"].get_array()) {
    const uint64_t bucket = pair.at(0).get_uint64();
    if (bucket >= replay::Histogram::bucket_count) {
      throw simdjson::simdjson_error(simdjson::INDEX_OUT_OF_BOUNDS);
    }
    histogram.add_bucket(bucket, pair.at(1).get_uint64());
  }
  histogram.add_sum(node["sum"].get_uint64());
}

}  // namespace

std::string to_json(const replay::SweepStatistics& given) {
  replay::SweepStatistics statistics = given;
  std::string out = fmt::format("{{\"havklo_sweep\":1,\"first_seed\":{},\"last_seed\":{}",
                                statistics.first_seed, statistics.last_seed);
  append(out, replay::joined(statistics.shards));
  for (const replay::NamedCount& each : replay::sweep_counts()) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":{}", each.name, statistics.*each.value);
  }
  out += ",\"histograms\":{";
  bool first = true;
  for (const replay::NamedHistogram& each : replay::sweep_histograms()) {
    fmt::format_to(std::back_inserter(out), "{}\"{}\":", first ? "" : ",", each.name);
    append(out, each.get(statistics));
    first = false;
  }
  fmt::format_to(std::back_inserter(out), "}},\"drawn\":{},\"reached\":{{", statistics.drawn);
  for (size_t state = 0; state < replay::sometime_count; ++state) {
    fmt::format_to(std::back_inserter(out), "{}\"{}\":{}", state == 0 ? "" : ",",
                   to_string(static_cast<replay::Sometime>(state)), statistics.reached[state]);
  }
  out += "},\"failures\":[";
  first = true;
  for (const replay::SweepFailure& each : statistics.failures) {
    fmt::format_to(std::back_inserter(out), "{}{{\"seed\":{},\"invariant\":{},\"what\":{}}}",
                   first ? "" : ",", each.seed, json_text(each.invariant), json_text(each.what));
    first = false;
  }
  return out += "]}";
}

std::expected<replay::SweepStatistics, std::string> statistics_from_json(std::string_view text) {
  replay::SweepStatistics statistics;
  try {
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(text);
    const simdjson::dom::element root = parser.parse(padded);
    if (root["havklo_sweep"].get_uint64() != 1) return std::unexpected("of another version");
    statistics.first_seed = root["first_seed"].get_uint64();
    statistics.last_seed = root["last_seed"].get_uint64();
    read(root, statistics.shards);
    for (const replay::NamedCount& each : replay::sweep_counts()) {
      statistics.*each.value = root[each.name].get_uint64();
    }
    for (const replay::NamedHistogram& each : replay::sweep_histograms()) {
      read(root["histograms"][each.name], each.get(statistics));
    }
    statistics.drawn = root["drawn"].get_bool();
    for (size_t state = 0; state < replay::sometime_count; ++state) {
      statistics.reached[state] =
          root["reached"][to_string(static_cast<replay::Sometime>(state))].get_uint64();
    }
    for (const simdjson::dom::element each : root["failures"].get_array()) {
      statistics.failures.push_back({each["seed"].get_uint64(),
                                     replay::printable(std::string_view(each["invariant"])),
                                     replay::printable(std::string_view(each["what"]))});
    }
  } catch (const simdjson::simdjson_error& error) {
    return std::unexpected(json_fault("havklo sim --json", error.error()));
  }
  return statistics;
}

}  // namespace havklo
