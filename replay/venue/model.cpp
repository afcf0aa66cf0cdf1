// Time and everybody: the venue's own doings, and the market handed to whoever wants it.
#include "replay/venue/model.hpp"

#include <algorithm>
#include <array>

#include "replay/venue/messages.hpp"

namespace havklo::replay {
namespace {

// More than this at one instant is a mistake of ours: stop rather than hang.
constexpr int rounds_per_instant_max = 10'000;

// What a venue accepts as one request.
constexpr uint32_t request_bytes_max = 64 * 1024;
// Deepest snapshot, some messages beside it.
constexpr uint32_t codec_output_bytes = 1024 * 1024;

}  // namespace

std::string_view to_string(Admission::Kind kind) {
  switch (kind) {
    case Admission::Kind::accept:
      return "accept";
    case Admission::Kind::resolve_failed:
      return "resolve_failed";
    case Admission::Kind::refuse:
      return "refuse";
    case Admission::Kind::silent_tcp:
      return "silent_tcp";
    case Admission::Kind::silent_tls:
      return "silent_tls";
    case Admission::Kind::tls_garbage:
      return "tls_garbage";
    case Admission::Kind::tls_abort:
      return "tls_abort";
    case Admission::Kind::tls_expired:
      return "tls_expired";
    case Admission::Kind::tls_wrong_name:
      return "tls_wrong_name";
  }
  return "unknown";
}

// Hands a message of the feed to every subscription that it is for.
class Venue::Delivery final : public FeedSink {
 public:
  Delivery(Venue& venue, Instant now) : venue_(venue), now_(now) {}

  [[nodiscard]] bool wants(Channel channel, uint32_t symbol, uint32_t parameter) override {
    for (const auto& connection : venue_.connections_) {
      for (const auto& each : connection->subscriptions_) {
        if (concerns(each, channel, symbol, parameter)) return true;
      }
    }
    return false;
  }
  bool on_message(Channel channel, uint32_t symbol, uint32_t parameter, std::string_view text,
                  bool only_best_changed) override {
    bool all_sent = true;
    for (const auto& connection : venue_.connections_) {
      for (size_t i = 0; i < connection->subscriptions_.size(); ++i) {
        const VenueConnection::Subscription each = connection->subscriptions_[i];
        if (!concerns(each, channel, symbol, parameter)) continue;
        if (channel == Channel::ticker && only_best_changed && !each.on_best) continue;
        if (!connection->send_market(each, text, now_)) all_sent = false;
      }
    }
    return all_sent;
  }

 private:
  static bool concerns(const VenueConnection::Subscription& subscription, Channel channel,
                       uint32_t symbol, uint32_t parameter) {
    return subscription.live && !subscription.dead && subscription.channel == channel &&
           subscription.symbol == symbol && subscription.parameter == parameter;
  }

  Venue& venue_;
  Instant now_;
};

Venue::Venue(VenueSettings settings, std::unique_ptr<MarketFeed> feed, FaultPlan plan,
             Instant start)
    : settings_(settings),
      feed_(std::move(feed)),
      faults_(std::move(plan), start),
      status_struck_(faults_.size(), false),
      random_(settings.seed ^ 0xC0'11EC'7104),
      now_(start) {}

Venue::~Venue() = default;

Admission Venue::admit(Instant now, bool tls, uint32_t leg) {
  advance(now);
  Admission admission{.kind = Admission::Kind::accept, .number = ++attempts_};
  const bool is_banned = banned(now);
  const ConnectionAge age{.number = attempts_, .leg = leg, .accepted = now};
  if (faults_.take(FaultKind::resolve, age, now) != nullptr) {
    admission.kind = Admission::Kind::resolve_failed;
  } else if (faults_.take(FaultKind::refuse, age, now) != nullptr) {
    admission.kind = Admission::Kind::refuse;
  } else if (const Fault* hole = faults_.find(FaultKind::blackhole, age, now);
             hole != nullptr && hole->stage <= BlackholeStage::tls) {
    const bool after_tcp = hole->stage == BlackholeStage::tls;
    faults_.take(FaultKind::blackhole, age, now);
    admission.kind = after_tcp ? Admission::Kind::silent_tls : Admission::Kind::silent_tcp;
  } else if (const Fault* fault = tls ? faults_.take(FaultKind::tls, age, now) : nullptr;
             fault != nullptr) {
    constexpr std::array kinds = {Admission::Kind::tls_garbage, Admission::Kind::tls_abort,
                                  Admission::Kind::tls_expired, Admission::Kind::tls_wrong_name};
    admission.kind = kinds[static_cast<size_t>(fault->tls)];
  }
  note(admission.number, "attempt", to_string(admission.kind));
  const bool connects = admission.kind == Admission::Kind::accept ||
                        admission.kind == Admission::Kind::tls_expired ||
                        admission.kind == Admission::Kind::tls_wrong_name;
  if (!connects) return admission;
  std::unique_ptr<websocket::Connection> codec;
  if (spare_codecs_.empty()) {
    codec = std::make_unique<websocket::Connection>(websocket::Role::server, request_bytes_max,
                                                    codec_output_bytes);
  } else {
    codec = std::move(spare_codecs_.back());
    spare_codecs_.pop_back();
  }
  connections_.push_back(
      std::make_unique<VenueConnection>(*this, age, is_banned, std::move(codec)));
  return admission;
}

// Counts attempts in the rolling window, as Cloudflare does (kraken-v2, 11).
bool Venue::banned(Instant now) {
  if (settings_.connects_max == 0) return false;
  while (!attempt_times_.empty() && attempt_times_.front() + settings_.connects_window <= now) {
    attempt_times_.pop_front();
  }
  attempt_times_.push_back(now);
  if (attempt_times_.size() > settings_.connects_max) banned_until_ = now + settings_.connect_ban;
  return now < banned_until_;
}

VenueConnection* Venue::connection(uint32_t number) {
  for (const auto& each : connections_) {
    if (each->number() == number) return each.get();
  }
  return nullptr;
}

void Venue::remove(uint32_t number) {
  const auto found = std::ranges::find_if(
      connections_, [number](const auto& each) { return each->number() == number; });
  if (found == connections_.end()) return;
  note(number, "gone");
  spare_codecs_.push_back(std::move((*found)->codec_));
  connections_.erase(found);
}

void Venue::advance(Instant now) {
  Instant last = now_;
  int rounds = 0;
  for (Instant next = next_deadline(); next <= now; next = next_deadline()) {
    next = std::max(next, now_);
    rounds = next == last ? rounds + 1 : 0;
    if (rounds > rounds_per_instant_max) break;
    last = next;
    run_due(next);
  }
  now_ = std::max(now_, now);
}

void Venue::run_due(Instant now) {
  now_ = now;
  // The last listener may have gone since: the next gets no more than what comes from now on.
  feed_running_ = feed_running_ && anyone_subscribed();
  strike_status(now);
  for (size_t i = 0; i < connections_.size(); ++i) connections_[i]->run_due(now);
  const bool wanted = anyone_subscribed();
  if (wanted && !feed_running_) feed_->resume(now);
  feed_running_ = wanted;
  if (feed_running_ && feed_->next_deadline() <= now) {
    Delivery delivery(*this, now);
    feed_->advance(now, delivery);
  }
}

Instant Venue::next_deadline() const {
  Instant next = next_status();
  if (anyone_subscribed()) next = std::min(next, feed_running_ ? feed_->next_deadline() : now_);
  for (const auto& connection : connections_) {
    next = std::min(next, connection->next_deadline(now_));
  }
  return next;
}

bool Venue::anyone_subscribed() const {
  return std::ranges::any_of(connections_, [](const auto& each) { return each->subscribed(); });
}

Instant Venue::next_status() const {
  Instant next = Instant::never();
  for (size_t i = 0; i < faults_.size(); ++i) {
    const Fault& fault = faults_.fault(i);
    if (!is_venues_own(fault) || status_struck_[i]) continue;
    next = std::min(next, faults_.start() + *fault.at);
  }
  return next;
}

void Venue::strike_status(Instant now) {
  for (size_t i = 0; i < faults_.size(); ++i) {
    const Fault& fault = faults_.fault(i);
    if (!is_venues_own(fault) || status_struck_[i]) continue;
    if (faults_.start() + *fault.at > now) continue;
    status_struck_[i] = true;
    set_system(fault.system, now);
  }
}

void Venue::set_system(SystemStatus system, Instant now) {
  system_ = system;
  note(0, "status", to_string(system));
  std::string text;
  append_status(text, system, std::nullopt);
  for (const auto& connection : connections_) connection->send(text, now);
}

void Venue::add_fault(Fault fault) {
  faults_.add(std::move(fault));
  status_struck_.push_back(false);
}

void Venue::heal(Instant now) {
  advance(now);
  faults_.clear();
  status_struck_.clear();
  for (const auto& each : connections_) each->struck_.clear();  // of faults that may still come
  banned_until_ = {};
  settings_.connects_max = 0;
  if (system_ != SystemStatus::online) set_system(SystemStatus::online, now);
}

void Venue::note(uint32_t connection, std::string_view what, std::string_view detail) {
  if (observer_ != nullptr) observer_->on_note(now_, connection, what, detail);
}

}  // namespace havklo::replay
