# Time's texts, and Date. mruby knows UTC and the local zone.
class Time
  MONTHS = %w[January February March April May June July August September October November December].freeze
  DAYS = %w[Sunday Monday Tuesday Wednesday Thursday Friday Saturday].freeze
  ZONES = { 'UTC' => 0, 'GMT' => 0, 'Z' => 0, 'EST' => -18_000, 'EDT' => -14_400, 'CST' => -21_600, 'CDT' => -18_000, 'MST' => -25_200,
            'MDT' => -21_600, 'PST' => -28_800, 'PDT' => -25_200, 'CET' => 3600, 'CEST' => 7200, 'BST' => 3600, 'JST' => 32_400 }.freeze

  def utc_offset
    return 0 if utc?
    Time.utc(year, month, day, hour, min, sec).to_i - to_i
  end
  alias gmt_offset utc_offset
  alias gmtoff utc_offset

  def nsec
    usec * 1000
  end
  alias tv_nsec nsec
  alias tv_usec usec
  alias tv_sec to_i

  def isdst
    false
  end

  def round(*)
    Time.at((to_f + 0.5).floor)
  end

  def to_a
    [sec, min, hour, day, month, year, wday, yday, false, zone]
  end

  def to_date
    Date.new(year, month, day)
  end

  def to_time
    self
  end

  def iso8601(digits = 0)
    fraction = digits > 0 ? format('.%06d', usec).ljust(digits + 1, '0')[0, digits + 1] : ''
    strftime('%Y-%m-%dT%H:%M:%S') + fraction + (utc? ? 'Z' : strftime('%:z'))
  end
  alias xmlschema iso8601

  def rfc2822
    strftime('%a, %d %b %Y %H:%M:%S ') + (utc? ? '-0000' : strftime('%z'))
  end

  def httpdate
    dup.utc.strftime('%a, %d %b %Y %H:%M:%S GMT')
  end

  def __offset(colon)
    offset = utc_offset
    format('%s%02d%s%02d', offset < 0 ? '-' : '+', offset.abs / 3600, colon, offset.abs % 3600 / 60)
  end

  # The number of the week: weeks begin with the weekday `first`.
  def __week(first)
    (yday_from_one + 6 - (wday - first) % 7) / 7
  end

  def yday_from_one
    (Time.utc(year, month, day).to_i - Time.utc(year, 1, 1).to_i) / 86_400 + 1
  end

  def __iso_week
    thursday = Time.utc(year, month, day) + (3 - (wday + 6) % 7) * 86_400
    [thursday.year, (thursday.yday_from_one - 1) / 7 + 1]
  end

  # [value, width, what it is filled with]
  def __field(letter, colons)
    case letter
    when 'Y' then [year, 1, '0']
    when 'C' then [year / 100, 2, '0']
    when 'y' then [year % 100, 2, '0']
    when 'm' then [month, 2, '0']
    when 'd' then [day, 2, '0']
    when 'e' then [day, 2, ' ']
    when 'j' then [yday_from_one, 3, '0']
    when 'H' then [hour, 2, '0']
    when 'k' then [hour, 2, ' ']
    when 'I' then [(hour + 11) % 12 + 1, 2, '0']
    when 'l' then [(hour + 11) % 12 + 1, 2, ' ']
    when 'M' then [min, 2, '0']
    when 'S' then [sec, 2, '0']
    when 's' then [to_i, 1, '0']
    when 'u' then [(wday + 6) % 7 + 1, 1, '0']
    when 'w' then [wday, 1, '0']
    when 'U' then [__week(0), 2, '0']
    when 'W' then [__week(1), 2, '0']
    when 'G' then [__iso_week.first, 1, '0']
    when 'V' then [__iso_week.last, 2, '0']
    when 'B' then [MONTHS[month - 1], 0, ' ']
    when 'b', 'h' then [MONTHS[month - 1][0, 3], 0, ' ']
    when 'A' then [DAYS[wday], 0, ' ']
    when 'a' then [DAYS[wday][0, 3], 0, ' ']
    when 'p' then [hour < 12 ? 'AM' : 'PM', 0, ' ']
    when 'P' then [hour < 12 ? 'am' : 'pm', 0, ' ']
    when 'Z' then [zone.to_s, 0, ' ']
    when 'z' then [__offset(colons), 0, '0']
    end
  end

  COMPOUND = { 'F' => '%Y-%m-%d', 'T' => '%H:%M:%S', 'X' => '%H:%M:%S', 'D' => '%m/%d/%y', 'x' => '%m/%d/%y', 'R' => '%H:%M',
               'r' => '%I:%M:%S %p', 'c' => '%a %b %e %H:%M:%S %Y', 'v' => '%e-%^b-%Y', '+' => '%a %b %e %H:%M:%S %Z %Y' }.freeze

  def strftime(pattern)
    pattern.gsub(/%([-0^#_]*)(\d*)(:*)([A-Za-z%+])/) do |whole|
      flags, width, colons, letter = $1, $2, $3, $4
      next '%' if letter == '%'
      next "\n" if letter == 'n'
      next "\t" if letter == 't'
      if COMPOUND.key?(letter)
        text = strftime(COMPOUND[letter])
      elsif letter == 'L' || letter == 'N'
        text = format('%09d', nsec)[0, width.empty? ? (letter == 'L' ? 3 : 9) : width.to_i]
        width = ''
      else
        value, least, fill = __field(letter, colons)
        next whole if value.nil?
        fill = '0' if flags.include?('0')
        fill = ' ' if flags.include?('_')
        text = flags.include?('-') ? value.to_s : value.to_s.rjust(least, fill)
        text = text.rjust(width.to_i, fill) unless width.empty?
      end
      text = text.upcase if flags.include?('^')
      text = text.swapcase if flags.include?('#')
      text
    end
  end

  class << self
    def __month(name)
      MONTHS.index { |month| month.downcase.start_with?(name.downcase[0, 3]) } + 1
    end

    def __zone(text)
      return nil if text.nil?
      return ZONES[text.upcase] if ZONES.key?(text.upcase)
      found = text.match(/\A([-+])(\d\d):?(\d\d)?\z/) or return nil
      (found[1] == '-' ? -1 : 1) * (found[2].to_i * 3600 + found[3].to_i * 60)
    end

    def __made(year, month, day, hour, min, sec, fraction, zone)
      raise ArgumentError, 'argument out of range' unless (1..12).include?(month) && (1..31).include?(day) && hour <= 24 && min < 60 && sec <= 60
      offset = __zone(zone)
      time = offset ? Time.utc(year, month, day, hour, min, sec) - offset : Time.local(year, month, day, hour, min, sec)
      time += "0.#{fraction}".to_f if fraction
      time
    end

    NAMES = 'jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec'

    # The forms in which programs tell a time: ISO 8601, RFC 2822, date(1), openssl, ls.
    def parse(text, now = nil)
      clock = '(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?'
      zone = '\s*(Z|[A-Z]{3,4}\b|[-+]\d\d:?\d\d)?'
      case text
      when /(\d{4})-(\d\d?)-(\d\d?)(?:(?:T|t|\s+)#{clock}#{zone})?/
        return __made($1.to_i, $2.to_i, $3.to_i, $4.to_i, $5.to_i, $6.to_i, $7, $8)
      when /(\d{1,2})[\s-]+(#{NAMES})[a-z]*[\s-]+(\d{4})(?:\s+#{clock}#{zone})?/i
        return __made($3.to_i, __month($2), $1.to_i, $4.to_i, $5.to_i, $6.to_i, $7, $8)
      when /(#{NAMES})[a-z]*\s+(\d{1,2})\s+#{clock}\s*([A-Z]{3,4})?\s+(\d{4})#{zone}/i
        return __made($8.to_i, __month($1), $2.to_i, $3.to_i, $4.to_i, $5.to_i, $6, $7 || $9)
      when /(#{NAMES})[a-z]*\s+(\d{1,2}),?\s+(\d{4})(?:\s+#{clock}#{zone})?/i
        return __made($3.to_i, __month($1), $2.to_i, $4.to_i, $5.to_i, $6.to_i, $7, $8)
      when %r{(\d{4})/(\d\d?)/(\d\d?)(?:\s+#{clock}#{zone})?}
        return __made($1.to_i, $2.to_i, $3.to_i, $4.to_i, $5.to_i, $6.to_i, $7, $8)
      when /\A\s*#{clock}#{zone}\s*\z/
        today = now || Time.now
        return __made(today.year, today.month, today.day, $1.to_i, $2.to_i, $3.to_i, $4, $5)
      when /\A\s*(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?)?#{zone}\s*\z/
        return __made($1.to_i, $2.to_i, $3.to_i, $4.to_i, $5.to_i, $6.to_i, nil, $7)
      end
      raise ArgumentError, "no time information in #{text.inspect}"
    end
    alias iso8601 parse
    alias xmlschema parse
    alias rfc2822 parse
    alias httpdate parse

    PARTS = { 'Y' => '(?<Y>[-+]?\d+)', 'm' => '(?<m>\d{1,2})', 'd' => '(?<d>\s?\d{1,2})', 'e' => '(?<d>\s?\d{1,2})', 'H' => '(?<H>\d{1,2})',
              'M' => '(?<M>\d{1,2})', 'S' => '(?<S>\d{1,2})', 'y' => '(?<y>\d\d)', 'b' => '(?<b>[A-Za-z]{3,9})', 'B' => '(?<b>[A-Za-z]{3,9})',
              'a' => '[A-Za-z]+', 'A' => '[A-Za-z]+', 'Z' => '(?<Z>[A-Za-z]+)', 'z' => '(?<Z>Z|[-+]\d\d:?\d\d|[A-Za-z]+)', 's' => '(?<s>\d+)',
              'N' => '(?<N>\d+)', 'L' => '(?<N>\d+)', 'p' => '(?<p>[AaPp][Mm])', 'I' => '(?<H>\d{1,2})', 'j' => '(?<j>\d{1,3})' }.freeze

    def strptime(text, pattern)
      COMPOUND.each { |letter, full| pattern = pattern.gsub("%#{letter}", full) }
      source = pattern.gsub(/%[-0^#]?([A-Za-z%])|\s+|[^%\s]+/) do |part|
        part.start_with?('%') ? PARTS[$1] || '%' : part =~ /\s/ ? '\s+' : Regexp.escape(part)
      end
      found = Regexp.new("\\A\\s*#{source}", Regexp::IGNORECASE).match(text)
      raise ArgumentError, "invalid date or strptime format - '#{text}' '#{pattern}'" unless found
      part = found.named_captures
      return Time.at(part['s'].to_i) if part['s']
      year = part['Y'] ? part['Y'].to_i : part['y'] ? part['y'].to_i + (part['y'].to_i < 69 ? 2000 : 1900) : Time.now.year
      month = part['b'] ? __month(part['b']) : (part['m'] || 1).to_i
      hour = part['H'].to_i
      hour = hour % 12 + (part['p'] =~ /p/i ? 12 : 0) if part['p']
      __made(year, month, (part['d'] || 1).to_i, hour, part['M'].to_i, part['S'].to_i, part['N'], part['Z'])
    end
  end
end

# A day of the Gregorian calendar, counted from 1970.
class Date
  include Comparable
  class Error < ArgumentError; end
  MONTHNAMES = [nil, *Time::MONTHS].freeze
  ABBR_MONTHNAMES = [nil, *Time::MONTHS.map { |name| name[0, 3] }].freeze
  DAYNAMES = Time::DAYS
  ABBR_DAYNAMES = Time::DAYS.map { |name| name[0, 3] }.freeze
  attr_reader :days

  class << self
    def civil(*args)
      new(*args)
    end

    def today
      Time.now.to_date
    end

    def from_days(days)
      date = allocate
      date.__send__(:days=, days)
      date
    end

    def parse(text, *)
      Time.parse(text).to_date
    rescue ArgumentError
      raise Error, 'invalid date'
    end
    alias iso8601 parse

    def strptime(text, pattern = '%F')
      Time.strptime(text, pattern).to_date
    rescue ArgumentError
      raise Error, 'invalid date'
    end

    def leap?(year)
      (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
    end

    def valid_date?(year, month, day)
      month >= 1 && month <= 12 && day >= 1 && day <= days_of(year, month)
    end
    alias valid_civil? valid_date?

    def days_of(year, month)
      month == 2 && leap?(year) ? 29 : [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    end
  end

  def initialize(year = -4712, month = 1, day = 1)
    month += 13 if month < 0
    day += Date.days_of(year, month) + 1 if day < 0
    raise Error, 'invalid date' unless Date.valid_date?(year, month, day)
    @days = Time.utc(year, month, day).to_i / 86_400
  end

  def to_time
    Time.local(year, month, day)
  end

  def __utc
    Time.utc(1970, 1, 1) + @days * 86_400
  end

  [:year, :month, :day, :wday].each { |name| define_method(name) { __utc.__send__(name) } }
  alias mon month
  alias mday day

  def yday
    __utc.yday_from_one
  end

  def cweek
    __utc.__iso_week.last
  end

  def to_date
    self
  end

  def +(other)
    Date.from_days(@days + other.to_i)
  end

  def -(other)
    other.is_a?(Date) ? @days - other.days : Date.from_days(@days - other.to_i)
  end

  def >>(other)
    total = year * 12 + month - 1 + other
    Date.new(total / 12, total % 12 + 1, [day, Date.days_of(total / 12, total % 12 + 1)].min)
  end

  def <<(other)
    self >> -other
  end

  def next_day(n = 1)
    self + n
  end

  def prev_day(n = 1)
    self - n
  end

  def next_month(n = 1)
    self >> n
  end

  def prev_month(n = 1)
    self << n
  end

  def next_year(n = 1)
    self >> n * 12
  end

  def prev_year(n = 1)
    self << n * 12
  end

  def succ
    self + 1
  end
  alias next succ

  def <=>(other)
    other = other.to_date if other.is_a?(Time)
    other.is_a?(Date) ? @days <=> other.days : nil
  end

  def ==(other)
    (self <=> other) == 0
  end
  alias eql? ==
  alias === ==

  def hash
    @days.hash
  end

  def leap?
    Date.leap?(year)
  end

  def jd
    @days + 2_440_588
  end

  def strftime(pattern = '%F')
    __utc.strftime(pattern)
  end

  def to_s
    strftime('%Y-%m-%d')
  end
  alias iso8601 to_s

  def inspect
    "#<Date: #{self}>"
  end

  Time::DAYS.each_with_index { |name, i| define_method(:"#{name.downcase}?") { wday == i } }

  private

  attr_writer :days
end

class DateTime < Date
  def self.now
    Time.now
  end

  def self.parse(text, *)
    Time.parse(text)
  end

  def self.strptime(*args)
    Time.strptime(*args)
  end
end

