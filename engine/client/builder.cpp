// Settings, one call each, and the two doors in.
#include <algorithm>
#include <havklo/client.hpp>

namespace havklo {
namespace {

// More legs than this are refused by connect() as well as any number of them, and cost no memory.
constexpr uint32_t legs_kept_max = 1000;

}  // namespace

KrakenClientBuilder::KrakenClientBuilder(std::vector<std::string> symbols)
    : symbols_(std::move(symbols)) {}

void KrakenClientBuilder::add(SubscriptionSettings subscription) {
  subscription.symbols = symbols_;
  settings_.subscriptions.push_back(std::move(subscription));
}

KrakenClientBuilder& KrakenClientBuilder::with_book(uint32_t depth) {
  add({.channel = Channel::book, .symbols = {}, .depth = depth});
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_trades() {
  add({.channel = Channel::trade, .symbols = {}});
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_ticker() {
  add({.channel = Channel::ticker, .symbols = {}});
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_candles(uint32_t interval_minutes) {
  add({.channel = Channel::ohlc, .symbols = {}, .interval_minutes = interval_minutes});
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_instruments() {
  add({.channel = Channel::instrument, .symbols = {}});
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_reconnect(const ReconnectSettings& settings) {
  settings_.reconnect = settings;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::without_reconnect() {
  settings_.reconnect.enabled = false;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_circuit_breaker(
    const CircuitBreakerSettings& settings) {
  settings_.circuit_breaker = settings;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::without_circuit_breaker() {
  settings_.circuit_breaker.enabled = false;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_timeouts(const TimeoutSettings& settings) {
  settings_.timeouts = settings;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_requests(const RequestSettings& settings) {
  settings_.requests = settings;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_feed(const FeedSettings& settings) {
  settings_.feed = settings;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_url(std::string url) {
  settings_.url = std::move(url);
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_ca_file(std::string path) {
  settings_.ca_file = std::move(path);
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_source_address(std::string address) {
  settings_.source_address = std::move(address);
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_legs(uint32_t legs) {
  settings_.legs.resize(std::min(legs, legs_kept_max));
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_legs(std::vector<LegSettings> legs) {
  settings_.legs = std::move(legs);
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_leg_lag_max(Duration longest) {
  settings_.leg_lag_max = longest;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_rotate_after(Duration age) {
  settings_.rotate_after = age;
  return *this;
}

std::expected<std::unique_ptr<KrakenClient>, StartError> KrakenClientBuilder::connect() {
  return KrakenClient::connect(settings_);
}

std::expected<std::unique_ptr<InlineKrakenClient>, StartError>
KrakenClientBuilder::connect_inline() {
  return InlineKrakenClient::connect(settings_);
}

EngineBuilder Engine::builder() { return {}; }

EngineBuilder& EngineBuilder::add(const KrakenClientBuilder& session) {
  return add(session.settings());
}

EngineBuilder& EngineBuilder::add(Settings session) {
  settings_.sessions.push_back(std::move(session));
  return *this;
}

EngineBuilder& EngineBuilder::with_source_address(std::string address) {
  source_address_ = std::move(address);
  return *this;
}

EngineSettings EngineBuilder::settings() const {
  EngineSettings settings = settings_;
  for (Settings& each : settings.sessions) {
    if (!each.source_address) each.source_address = source_address_;
  }
  return settings;
}

std::expected<std::unique_ptr<EngineClient>, StartError> EngineBuilder::connect() const {
  return EngineClient::connect(settings());
}

std::expected<std::unique_ptr<InlineEngineClient>, StartError> EngineBuilder::connect_inline()
    const {
  return InlineEngineClient::connect(settings());
}

}  // namespace havklo
