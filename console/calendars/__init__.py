"""Days off (휴무), extra shifts (추가 근무) and national holidays (공휴일)."""
