// What is shown of an instant is what is compared.
#include "replay/text/instant.hpp"

#include <gtest/gtest.h>

namespace havklo {
namespace {

using replay::offset_text;
using replay::utc_text;
using replay::whole_us;

TEST(InstantText, CountsFromTheOriginInWholeMicroseconds) {
  const Instant origin{1'000'000'000};
  EXPECT_EQ(offset_text(origin, origin), "+0.000000 s");
  EXPECT_EQ(offset_text(Instant{6'562'460'499}, origin), "+5.562460 s");
  EXPECT_EQ(offset_text(Instant{6'562'460'500}, origin), "+5.562461 s");
  EXPECT_EQ(offset_text(Instant{0}, origin), "-1.000000 s");
  EXPECT_EQ(offset_text(Instant{4'000'000'000'000'000}, Instant{}), "+4000000.000000 s");
}

TEST(InstantText, WhatIsShownIsWhatIsCompared) {
  for (const int64_t ns : {0, 1, 499, 500, 501, 999, 1'000, 1'499, 1'500, 123'456'789}) {
    EXPECT_EQ(offset_text(Instant{ns}, Instant{}),
              offset_text(Instant{whole_us(Duration{ns}) * 1'000}, Instant{}));
    EXPECT_EQ(whole_us(Duration{-ns}), -whole_us(Duration{ns}));
  }
}

TEST(InstantText, TheWallClockIsUtc) {
  const Duration offset{1'783'465'203'501'510'000};
  EXPECT_EQ(utc_text(Instant{}, offset), "2026-07-07T23:00:03.501510Z");
  EXPECT_EQ(utc_text(Instant{499}, offset), "2026-07-07T23:00:03.501510Z");
  EXPECT_EQ(utc_text(Instant{-1'000'000}, Duration{}), "1969-12-31T23:59:59.999000Z");
}

}  // namespace
}  // namespace havklo
