"""Subscriptions of other systems to events (이벤트 구독), for managers.

The workflow of an order is called a subscription, too. So pages say "event subscription" wherever both could be meant.
"""
