"""The provinces and metropolitan cities of Korea (ISO 3166-2:KR), and engineers to begin with."""

import sqlalchemy as sa
from alembic import op

from stores.common.columns import AsJson

revision = "0002"
down_revision = "0001"

AREAS = [
    (
        *("KR-11", "Seoul", "서울특별시"),
        "서울, 서울시, 서울특별시, Seoul, Seoul-si, Seoul City, Seoul-teukbyeolsi",
        "김민준 Kim Minjun, 이서연 Lee Seoyeon, 박지훈 Park Jihun",
    ),
    (
        *("KR-26", "Busan", "부산광역시"),
        "부산, 부산시, 부산광역시, Busan, Busan-si, Busan City, Busan-gwangyeoksi, Pusan",
        "최도윤 Choi Doyun, 정하은 Jung Haeun, 강현우 Kang Hyunwoo",
    ),
    (
        *("KR-27", "Daegu", "대구광역시"),
        "대구, 대구시, 대구광역시, Daegu, Daegu-si, Daegu City, Daegu-gwangyeoksi, Taegu",
        "조은우 Cho Eunwoo, 윤지민 Yoon Jimin, 장서준 Jang Seojun",
    ),
    (
        *("KR-28", "Incheon", "인천광역시"),
        "인천, 인천시, 인천광역시, Incheon, Incheon-si, Incheon City, Incheon-gwangyeoksi, Inchon",
        "임수아 Lim Sua, 한지호 Han Jiho, 오준서 Oh Junseo",
    ),
    (
        # Not 광주시 nor Gwangju City, which would outweigh the province of the other one: 경기 광주시.
        *("KR-29", "Gwangju", "광주광역시"),
        "광주, 광주광역시, Gwangju, Gwangju-gwangyeoksi, Gwangju Metropolitan City, Kwangju",
        "서예준 Seo Yejun, 신하윤 Shin Hayun, 권유진 Kwon Yujin",
    ),
    (
        *("KR-30", "Daejeon", "대전광역시"),
        "대전, 대전시, 대전광역시, Daejeon, Daejeon-si, Daejeon City, Daejeon-gwangyeoksi, Taejon",
        "황시우 Hwang Siwoo, 안채원 Ahn Chaewon, 송건우 Song Geonwoo",
    ),
    (
        *("KR-31", "Ulsan", "울산광역시"),
        "울산, 울산시, 울산광역시, Ulsan, Ulsan-si, Ulsan City, Ulsan-gwangyeoksi",
        "류주원 Ryu Juwon, 전다은 Jeon Daeun, 홍승현 Hong Seunghyun",
    ),
    (
        *("KR-41", "Gyeonggi", "경기도"),
        "경기, 경기도, Gyeonggi, Gyeonggi-do, Gyeonggi Province, Kyonggi, Kyonggi-do",
        "고우진 Ko Woojin, 문소율 Moon Soyul, 양민재 Yang Minjae",
    ),
    (
        *("KR-42", "Gangwon", "강원특별자치도"),
        "강원, 강원도, 강원특별자치도, Gangwon, Gangwon-do, Gangwon State, Gangwon Province, Kangwon, Kangwon-do",
        "손현준 Son Hyunjun, 배지아 Bae Jia, 백도현 Baek Dohyun",
    ),
    (
        *("KR-43", "North Chungcheong", "충청북도"),
        "충북, 충청북도, "
        "Chungbuk, North Chungcheong, North Chungcheong Province, "
        "Chungcheongbuk, Chungcheongbuk-do, Chungchongbuk-do",
        "허윤호 Heo Yunho, 유서현 Yoo Seohyun, 남태윤 Nam Taeyun",
    ),
    (
        *("KR-44", "South Chungcheong", "충청남도"),
        "충남, 충청남도, "
        "Chungnam, South Chungcheong, South Chungcheong Province, "
        "Chungcheongnam, Chungcheongnam-do, Chungchongnam-do",
        "심지우 Shim Jiwoo, 노하준 Noh Hajun, 하은채 Ha Eunchae",
    ),
    (
        *("KR-45", "North Jeolla", "전북특별자치도"),
        "전북, 전라북도, 전북특별자치도, "
        "Jeonbuk, Jeonbuk State, North Jeolla, North Jeolla Province, Jeollabuk, Jeollabuk-do, Chollabuk-do",
        "곽동현 Kwak Donghyun, 성민서 Sung Minseo, 차준혁 Cha Junhyuk",
    ),
    (
        *("KR-46", "South Jeolla", "전라남도"),
        "전남, 전라남도, Jeonnam, South Jeolla, South Jeolla Province, Jeollanam, Jeollanam-do, Chollanam-do",
        "주시윤 Joo Siyun, 우나연 Woo Nayeon, 구본석 Koo Bonseok",
    ),
    (
        *("KR-47", "North Gyeongsang", "경상북도"),
        "경북, 경상북도, "
        "Gyeongbuk, North Gyeongsang, North Gyeongsang Province, Gyeongsangbuk, Gyeongsangbuk-do, Kyongsangbuk-do",
        "민경훈 Min Kyunghun, 진수빈 Jin Subin, 지상우 Ji Sangwoo",
    ),
    (
        *("KR-48", "South Gyeongsang", "경상남도"),
        "경남, 경상남도, "
        "Gyeongnam, South Gyeongsang, South Gyeongsang Province, Gyeongsangnam, Gyeongsangnam-do, Kyongsangnam-do",
        "엄태준 Eom Taejun, 채유나 Chae Yuna, 원재현 Won Jaehyun",
    ),
    (
        *("KR-49", "Jeju", "제주특별자치도"),
        "제주, 제주도, 제주특별자치도, Jeju, Jeju-do, Jeju-si, Jeju City, Jeju Island, Jeju Province, Cheju, Cheju-do",
        "천성민 Cheon Sungmin, 방예린 Bang Yerin, 공진우 Kong Jinwoo",
    ),
    (
        *("KR-50", "Sejong", "세종특별자치시"),
        "세종, 세종시, 세종특별자치시, Sejong, Sejong-si, Sejong City, Sejong-teukbyeoljachisi",
        "현승우 Hyun Seungwoo, 함지윤 Ham Jiyun, 변상현 Byun Sanghyun",
    ),
]
"""Region, name, local name; matches; engineers."""


def upgrade() -> None:
    """An area's id is its region's in small letters; its engineers are counted from 1."""
    service_area = sa.table(
        "service_area",
        sa.column("service_area_id"),
        sa.column("region"),
        sa.column("name"),
        sa.column("local_name"),
        sa.column("matches", AsJson(list[str])),
    )
    engineer = sa.table(
        "engineer", sa.column("engineer_id"), sa.column("name"), sa.column("region"), sa.column("active", sa.Boolean)
    )
    areas, engineers = [], []
    for region, name, local_name, matches, people in AREAS:
        own = {"region": region, "name": name, "local_name": local_name, "matches": matches.split(", ")}
        areas.append({"service_area_id": region.lower(), **own})
        for number, person in enumerate(people.split(", "), start=1):
            identity = {"engineer_id": f"{region.lower()}-{number}", "name": person}
            engineers.append({**identity, "region": region, "active": True})
    op.bulk_insert(service_area, areas)
    op.bulk_insert(engineer, engineers)
