#include "clock.h"

#include <string.h>
#include <time.h>

enum { SECONDS_PER_DAY = 86400 };

/* Years 1000 to 9999, the four-digit ones that clock_format can print. */
static const int64_t earliest = -30610224000, latest = 253402300799;

static int64_t now_us(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_s(void)
{
	return now_us(CLOCK_REALTIME) / 1000000;
}

int64_t clock_now_us(void)
{
	return now_us(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void)
{
	return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

int64_t clock_boot_ms(void)
{
	return now_us(CLOCK_BOOTTIME) / 1000;
}

void clock_format(int64_t unix_s, char ret_text[CLOCK_TEXT_SIZE])
{
	time_t when = unix_s < earliest ? earliest : unix_s > latest ? latest : unix_s;
	struct tm parts;
	(void)gmtime_r(&when, &parts);
	(void)strftime(ret_text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days_from_civil(int year, int month, int day)
{
	year -= month <= 2; /* years begin in March, so that the leap day is their last */
	int era = year / 400;
	int year_of_era = year - era * 400;
	int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return (int64_t)era * 146097 + day_of_era - 719468;
}

/* Reads exactly `digits` digits and moves on; false if there are none. */
static bool read_number(const char **text, int digits, int *ret)
{
	int number = 0;
	for (int i = 0; i < digits; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		number = number * 10 + (**text - '0');
	}
	*ret = number;
	return true;
}

static bool skip(const char **text, char expected)
{
	if (**text != expected)
		return false;
	(*text)++;
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

static bool read_date(const char **text, int64_t *ret_days)
{
	int year, month, day;
	if (!read_number(text, 4, &year) || !skip(text, '-') || !read_number(text, 2, &month) || !skip(text, '-') ||
	    !read_number(text, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return false;
	*ret_days = days_from_civil(year, month, day);
	return true;
}

static bool read_time(const char **text, int64_t *ret_seconds)
{
	int hour, minute, second;
	if (!read_number(text, 2, &hour) || !skip(text, ':') || !read_number(text, 2, &minute) || !skip(text, ':') ||
	    !read_number(text, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	if (skip(text, '.')) {
		size_t digits = strspn(*text, "0123456789");
		if (!digits)
			return false;
		*text += digits;
	}
	*ret_seconds = hour * 3600 + minute * 60 + second;
	return true;
}

bool clock_parse(const char *text, int64_t *ret_unix_s)
{
	int64_t days, seconds = 0;
	if (!text || !read_date(&text, &days))
		return false;
	if (*text && (!skip(&text, 'T') || !read_time(&text, &seconds) || !skip(&text, 'Z') || *text))
		return false;
	*ret_unix_s = days * SECONDS_PER_DAY + seconds;
	return true;
}

bool clock_days_until(const char *date, int64_t now_s, int64_t *ret_days)
{
	int64_t day;
	if (!date || !read_date(&date, &day) || *date)
		return false;
	int64_t today = now_s / SECONDS_PER_DAY - (now_s % SECONDS_PER_DAY < 0);
	*ret_days = day - today;
	return true;
}
