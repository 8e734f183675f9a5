"""The texts, prompts and facts of the experiments of 5(c); all texts are our own."""

TEXTS = (
    "The old lighthouse at the end of the pier had not been lit for many years. Every evening a woman walked "
    "out to it with her dog and sat on the stone steps. She said that the sea was never the same colour.",
    "To make bread you need flour, water, salt and yeast. Mix the flour with the salt in a large bowl, then "
    "add the yeast and the warm water. Knead the dough for ten minutes and leave it to rise in a warm place.",
    "Plants take in carbon dioxide from the air through small openings in their leaves. With the energy of "
    "sunlight they turn it into sugar, and they give off oxygen. At night they use some of that sugar.",
    "The committee met on Monday to discuss the new school. Some members wanted to build it near the river, "
    "but others were worried about the cost. In the end they agreed to wait until the next year.",
)
FIRST, EVERY = 6, 2  # the positions that are read: from the seventh token of each text, every other one
IDENTITY = "cat -> cat\n1135 -> 1135\nhello -> hello\n?"
FACTS = {  # continent → countries and their capitals
    "Europe": "France Paris, Germany Berlin, Italy Rome, Spain Madrid, Portugal Lisbon, Greece Athens, "
    "Poland Warsaw, Hungary Budapest, Austria Vienna, Sweden Stockholm, Norway Oslo, Denmark Copenhagen, "
    "Finland Helsinki, Ireland Dublin, Romania Bucharest, Bulgaria Sofia, Croatia Zagreb, Serbia Belgrade, "
    "Belgium Brussels, Netherlands Amsterdam, Iceland Reykjavik, Estonia Tallinn, Latvia Riga",
    "Africa": "Egypt Cairo, Kenya Nairobi, Nigeria Abuja, Ghana Accra, Morocco Rabat, Algeria Algiers, "
    "Tunisia Tunis, Senegal Dakar, Uganda Kampala, Zambia Lusaka, Zimbabwe Harare, Angola Luanda, "
    "Mozambique Maputo, Sudan Khartoum, Libya Tripoli, Namibia Windhoek, Rwanda Kigali, Mali Bamako",
    "Asia": "Japan Tokyo, China Beijing, Pakistan Islamabad, Nepal Kathmandu, Thailand Bangkok, "
    "Vietnam Hanoi, Iran Tehran, Iraq Baghdad, Syria Damascus, Jordan Amman, Lebanon Beirut, "
    "Indonesia Jakarta, Philippines Manila, Bangladesh Dhaka, Afghanistan Kabul",
    "South": "Argentina Buenos, Chile Santiago, Peru Lima, Colombia Bogota, Venezuela Caracas, "
    "Ecuador Quito, Uruguay Montevideo, Paraguay Asuncion",
    "": "Canada Ottawa, Cuba Havana, Russia Moscow, Australia Canberra",  # in none or two of the four
}
CONTEXTS = ("Last summer we spent a week in{}", "My neighbour was born in{}", "The new law was debated in{}")
CAPITAL = "The capital of x is"
CONTINENT, OTHER = "The country x is on the continent of", " x is a country in"
NOT_COUNTRIES = ("banana", "pencil", "Tuesday", "music", "winter", "doctor", "silver", "garden")


def facts():
    """Return (country, capital, continent) for all countries above."""
    return [(*pair.split(), continent) for continent, text in FACTS.items() for pair in text.split(", ")]
